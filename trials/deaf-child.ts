import net, { type AddressInfo } from "node:net";
import { endBy, listen, say } from "./harness/in-child.ts";

/** Listens with room for one connection that nobody has taken yet; whoever started it stops it, so that the next ones are never made. */
const server = net.createServer((socket) => void socket.on("error", () => undefined));
listen(
  () => undefined,
  endBy(async () => void server.close()),
);
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => say("listening", { port: (server.address() as AddressInfo).port }));
