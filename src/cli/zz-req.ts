const http = process.getBuiltinModule("node:http");
const r = http.request({socketPath: "/tmp/nothing.sock", path: "/", agent: false}); r.on("error", () => {}); r.end();
