import { randomBytes } from "node:crypto";
import type { LookupAddress } from "node:dns";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { RequestFailed } from "./failure.ts";
import { type HostRules, hostRules } from "./host-rules.ts";
import { checkedAddresses, pinned, type Resolve } from "./request.ts";
import { literalAddress, portOf, readTarget } from "./target.ts";

/** A way out for programs that have no network. Each reaches the hosts that it was admitted to, and no others. */
export interface HostProxy {
  /** `wrap`: the command line that finds the proxy through its socket. `end` cuts off what is still connected. */
  admit(hosts: readonly string[]): Admission;
  close(): Promise<void>;
}

export interface Admission {
  wrap(argv: readonly [string, ...string[]]): readonly [string, ...string[]];
  /** What the program must see for that: the socket, and what carries to it. */
  readonly readable: readonly string[];
  end(): void;
}

interface Admitted {
  readonly mayReach: HostRules;
  readonly sockets: Set<Socket>;
}

const BRIDGE = fileURLToPath(new URL(`./proxy-bridge-child${extname(import.meta.filename)}`, import.meta.url));
const PREFIX = "proxy-";
const KEY_BYTES = 16;
const KEY_WITHIN_MS = 5_000;
const IDLE_MS = 300_000;
/** Between one client and one server, and so not passed on (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Listens on a socket in this folder, which is made, and whose path must be short. A client says first who it is; then it speaks HTTP to a proxy: `CONNECT host:port`, or a request with a whole URL. Names
 * are resolved here, once, and addresses of the own network count only where they were admitted themselves, such as `127.0.0.1:9090`.
 */
export async function startHostProxy({ folder, resolve }: { folder: string; resolve?: Resolve }): Promise<HostProxy> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await sweep(folder);
  const path = join(folder, `${PREFIX}${randomBytes(4).toString("hex")}.sock`);
  const admitted = new Map<string, Admitted>();
  const owners = new WeakMap<object, Admitted>();
  const http = proxyServer((client) => owners.get(client)!, resolve);
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    client.setTimeout(KEY_WITHIN_MS, () => client.destroy());
    readKey(client, (key) => {
      const owner = admitted.get(key);
      if (!owner) return client.destroy();
      owners.set(client, owner);
      owner.sockets.add(client);
      client.once("close", () => owner.sockets.delete(client));
      client.setTimeout(IDLE_MS, () => client.destroy());
      http.emit("connection", client);
      return client.resume();
    });
  });
  await new Promise<void>((done, failed) => server.once("error", failed).listen(path, done));
  await chmod(path, 0o600);
  return {
    admit(hosts) {
      const key = randomBytes(KEY_BYTES).toString("hex");
      const owner: Admitted = { mayReach: hostRules(hosts), sockets: new Set() };
      admitted.set(key, owner);
      return {
        wrap: (argv) => [process.execPath, "--no-warnings", BRIDGE, path, key, ...argv],
        readable: [path, BRIDGE, process.execPath],
        end() {
          admitted.delete(key);
          for (const socket of owner.sockets) socket.destroy();
        },
      };
    },
    async close() {
      for (const { sockets } of admitted.values()) for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Sockets that nobody listens on any more: their process was killed. */
async function sweep(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter((one) => one.startsWith(PREFIX) && one.endsWith(".sock"))) {
    const path = join(folder, name);
    const isDead = await new Promise<boolean>((done) => {
      const trying = connect(path, () => {
        trying.destroy();
        done(false);
      });
      trying.once("error", (error: NodeJS.ErrnoException) => done(error.code === "ECONNREFUSED"));
    });
    if (isDead) await rm(path, { force: true });
  }
}

/** The first line of a connection; what comes after it stays to be read. */
function readKey(client: Socket, found: (key: string) => void): void {
  let start = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    start = Buffer.concat([start, chunk]);
    const end = start.indexOf("\n");
    if (end < 0 && start.length <= KEY_BYTES * 2) return;
    client.off("data", onData).pause();
    if (end !== KEY_BYTES * 2) return void client.destroy();
    client.unshift(start.subarray(end + 1));
    found(start.subarray(0, end).toString("latin1"));
  };
  client.on("data", onData);
}

function proxyServer(ownerOf: (client: Socket) => Admitted, resolve: Resolve | undefined): Server {
  const server = createHttpServer((asked, answer) => void pass({ asked, answer, owner: ownerOf(asked.socket), resolve }));
  server.on("connect", (asked: IncomingMessage, client: Socket, head: Buffer) => void tunnel({ asked, client, head, owner: ownerOf(client), resolve }));
  return server;
}

/** Where a URL leads, if it may be reached. @throws RequestFailed */
async function placeOf(url: URL, { owner, resolve }: { owner: Admitted; resolve: Resolve | undefined }): Promise<readonly LookupAddress[]> {
  if (!owner.mayReach(url)) throw new RequestFailed("refused", `${url.hostname}:${portOf(url)} is not one of the hosts that it declares`);
  const bounds = { privateNetwork: () => literalAddress(url) !== null, ownNeeds: "the address itself to be declared, with its port" };
  return checkedAddresses(url, { ...bounds, ...(resolve ? { resolve } : {}) });
}

interface Passing {
  readonly asked: IncomingMessage;
  readonly answer: ServerResponse;
  readonly owner: Admitted;
  readonly resolve: Resolve | undefined;
}

async function pass({ asked, answer, owner, resolve }: Passing): Promise<void> {
  try {
    const target = readTarget(asked.url ?? "");
    if (!target.ok || target.url.protocol !== "http:") throw new RequestFailed("refused", `the address ${target.ok ? "is no http URL" : target.why}`);
    const { url } = target;
    const lookup = pinned(await placeOf(url, { owner, resolve }));
    const headers = { ...endToEnd(asked.headers), host: url.host };
    const sent = httpRequest(url, { method: asked.method ?? "GET", headers, lookup, agent: false });
    sent.once("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, endToEnd(response.headers));
      response.on("error", () => answer.destroy()).pipe(answer);
    });
    sent.once("error", (error: NodeJS.ErrnoException) =>
      answer.headersSent ? answer.destroy() : refuse(answer, new RequestFailed("unreachable", `${url.host} could not be asked (${error.code ?? error.name})`)),
    );
    answer.once("close", () => sent.destroy());
    asked.on("error", () => sent.destroy()).pipe(sent);
  } catch (error) {
    refuse(answer, error);
  }
}

function refuse(answer: ServerResponse, error: unknown): void {
  const { status, sentence } = wordsFor(error);
  answer.writeHead(status, { "content-type": "text/plain", "loop-refused": sentence, connection: "close" }).end(`${sentence}\n`);
}

interface Tunnel {
  readonly asked: IncomingMessage;
  readonly client: Socket;
  readonly head: Buffer;
  readonly owner: Admitted;
  readonly resolve: Resolve | undefined;
}

async function tunnel({ asked, client, head, owner, resolve }: Tunnel): Promise<void> {
  try {
    const url = authorityOf(asked.url ?? "", owner);
    const addresses = await placeOf(url, { owner, resolve });
    const server = connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port: portOf(url), lookup: pinned(addresses) });
    server.once("error", (error: NodeJS.ErrnoException) =>
      cut(client, new RequestFailed("unreachable", `${url.host} could not be asked (${error.code ?? error.name})`)),
    );
    server.once("connect", () => {
      server.removeAllListeners("error").on("error", () => client.destroy());
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.write(head);
      client.pipe(server).pipe(client);
    });
    client.once("close", () => server.destroy());
  } catch (error) {
    cut(client, error);
  }
}

/** A tunnel has no scheme: what is admitted with the usual port of either is meant. */
function authorityOf(text: string, { mayReach }: Admitted): URL {
  const [secure, plain] = [readTarget(`https://${text}/`), readTarget(`http://${text}/`)];
  if (!secure.ok || !plain.ok || /[/?#]/.test(text) || !/:\d+$/.test(text))
    throw new RequestFailed("refused", `${JSON.stringify(text)} is no host with a port`);
  return mayReach(plain.url) ? plain.url : secure.url;
}

function cut(client: Socket, error: unknown): void {
  const { status, sentence } = wordsFor(error);
  client.end(
    `HTTP/1.1 ${status} ${status === 403 ? "Forbidden" : "Bad Gateway"}\r\nloop-refused: ${sentence}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
  );
}

function wordsFor(error: unknown): { readonly status: number; readonly sentence: string } {
  if (!(error instanceof RequestFailed)) return { status: 502, sentence: "the proxy could not pass this on" };
  // oxlint-disable-next-line no-control-regex -- it goes into a header
  return { status: error.kind === "refused" ? 403 : 502, sentence: error.message.replaceAll(/[^\u0020-\u007e]/g, "?") };
}

const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders => Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
