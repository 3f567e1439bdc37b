import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { constants } from "node:os";

// Runs where there is no network: listens on the loopback of that place, carries what comes there to the socket of the proxy outside, and runs the program
// that it is given with the variables by which programs find a proxy.

const [socketPath = "", key = "", program = "", ...args] = process.argv.slice(2);
const [NOT_FOUND, NOT_RUNNABLE, SIGNALLED] = [127, 126, 128];
const REFUSAL = /\r\nloop-refused: ([^\r\n]*)\r\n/i;
const refusals = new Set<string>();
const MOST_REFUSALS = 3;

function keepRefusal(chunk: Buffer): void {
  const sentence = REFUSAL.exec(chunk.subarray(0, 1_024).toString("latin1"))?.[1];
  if (sentence !== undefined && refusals.size < MOST_REFUSALS) refusals.add(sentence);
}

/** Programs say little about why they got no answer; whoever reads the end of what was said sees it. */
function end(exitCode: number): void {
  for (const sentence of refusals) writeSync(2, `loop: ${sentence}\n`);
  process.exit(exitCode);
}

function carry(client: Socket): void {
  const outside = connect(socketPath);
  outside.write(`${key}\n`);
  outside.once("data", keepRefusal);
  client.pipe(outside).pipe(client);
  client.on("error", () => outside.destroy());
  outside.on("error", () => client.destroy());
}

const server = createServer(carry);
server.listen(0, "127.0.0.1", () => {
  const proxy = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  // Clients would pass the proxy by for this machine's own addresses, which are not to be reached from here.
  const env = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy, NO_PROXY: "", no_proxy: "", NODE_USE_ENV_PROXY: "1" };
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  child.once("error", (error: NodeJS.ErrnoException) => {
    writeSync(2, `${program}: ${error.code === "ENOENT" ? "not found" : `cannot be run (${error.code})`}\n`);
    end(error.code === "ENOENT" ? NOT_FOUND : NOT_RUNNABLE);
  });
  child.once("exit", (code, signal) => end(signal === null ? (code ?? 1) : SIGNALLED + constants.signals[signal]));
});
