const net = process.getBuiltinModule("node:net");
const s = net.connect("/tmp/nothing.sock"); s.on("error", () => {}); s.write("GET / HTTP/1.1\r\n\r\n");
