import http, { createServer, request, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { endBy, listen, say } from "../trials/harness/in-child.ts";

/*
 * What stands around the gateway in its bench, each in a process of its own: `provider`, which answers at once with the same completion, and `proxy <url>`, a
 * bare reverse proxy of Node before it.
 */

const ANSWER = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: 1,
    model: "bench",
    choices: [{ index: 0, message: { role: "assistant", content: "An answer of some words, as short answers are." }, finish_reason: "stop" }],
    usage: { prompt_tokens: 20, completion_tokens: 12, total_tokens: 32 },
  }),
);

const provider: RequestListener = (incoming, response) => {
  incoming.resume().on("end", () => response.writeHead(200, { "content-type": "application/json", "content-length": ANSWER.byteLength }).end(ANSWER));
};

function proxy(to: URL): RequestListener {
  const agent = new http.Agent({ keepAlive: true, scheduling: "lifo" });
  return (incoming, response) => {
    const outgoing = request({ host: to.hostname, port: to.port, path: incoming.url, method: incoming.method, headers: incoming.headers, agent }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.writeHead(502).end());
    incoming.pipe(outgoing);
  };
}

const [role, to] = process.argv.slice(2);
const server = createServer(role === "proxy" ? proxy(new URL(to!)) : provider);
const end = endBy(async () => {
  server.close();
  server.closeAllConnections();
});
listen(() => undefined, end);
server.listen(0, "127.0.0.1", () => say("ready", { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
