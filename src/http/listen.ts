import { chmodSync } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import net from "node:net";
import { LoopError } from "#src/kernel/errors.ts";
import type { App } from "./app.ts";

export interface ListenOptions {
  /** `LOOP_HOST` */
  readonly host: string;
  /** `LOOP_PORT`; 0 takes any free one. */
  readonly port: number;
  /** A file that only this account may open; left out: no local socket. */
  readonly socketPath?: string;
}

export interface Listening {
  /** Such as `http://127.0.0.1:4747`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, ends feeds, lets the others finish. */
  close(): Promise<void>;
}

/**
 * Listens on TCP and, where a path is given, on a local socket, with the same routes and the same rules: a caller on the socket needs a token too.
 * @throws LoopError port_in_use | address_unusable | token_missing (other than loopback while no token exists) | home_in_use (a server answers on the socket)
 */
export async function listenHttp(app: App, options: ListenOptions): Promise<Listening> {
  const { host, port, socketPath } = options;
  await app.ready(); // a request on the local socket must not come before the routes
  if (!isLoopback(host) && !(await app.tokenExists())) {
    throw new LoopError(
      "token_missing",
      `LOOP_HOST is ${host}, which others can reach, and there is no token yet. Start once on 127.0.0.1, or make a token first.`,
      { facts: { host } },
    );
  }
  const local = socketPath === undefined ? undefined : await listenLocally(app, socketPath);
  try {
    await app.listen({ host, port });
  } catch (error) {
    local?.close();
    throw namedListenError(error, { host, port });
  }
  app.server.once("close", () => local?.close());
  const taken = (app.server.address() as net.AddressInfo).port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    port: taken,
    async close() {
      const apart = new Promise<void>((resolve) => (local ? local.close(() => resolve()) : resolve())); // its connections are not counted by the HTTP server
      const closing = Promise.all([app.close(), apart]);
      const nudging = setInterval(() => app.server.closeIdleConnections(), NUDGE_EVERY_MS); // a feed that just ended leaves a connection that waits for more
      const cutting = setTimeout(() => app.server.closeAllConnections(), CLOSE_LIMIT_MS);
      await closing.finally(() => {
        clearInterval(nudging);
        clearTimeout(cutting);
      });
    },
  };
}

const NUDGE_EVERY_MS = 50;
const CLOSE_LIMIT_MS = 5_000;

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || (net.isIPv4(host) && host.startsWith("127."));

function namedListenError(cause: unknown, { host, port }: { readonly host: string; readonly port: number }): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new LoopError("port_in_use", `Port ${port} on ${host} is in use. Stop what uses it, or set LOOP_PORT to another one (0 takes any that is free).`, {
      facts: { host, port },
      cause,
    });
  }
  if (code !== undefined && ["EADDRNOTAVAIL", "EACCES", "ENOTFOUND", "EAFNOSUPPORT"].includes(code)) {
    const why = code === "EACCES" ? "this account may not use it" : "this machine has no such address";
    return new LoopError("address_unusable", `Cannot listen on ${host}, port ${port}: ${why}. Set LOOP_HOST and LOOP_PORT to what this server may use.`, {
      facts: { host, port, code },
      cause,
    });
  }
  return cause;
}

/** Linux takes 107 bytes, macOS 103. */
const LONGEST_PATH = 103;

/** Whoever connects here is handed to the HTTP server as if it had come by TCP. */
async function listenLocally(app: App, path: string): Promise<net.Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new LoopError(
      "home_not_usable",
      `The path of the local socket has more than ${LONGEST_PATH} bytes: ${path}. Put LOOP_HOME into a folder with a shorter path.`,
      { facts: { path } },
    );
  }
  await removeDeadSocket(path);
  const server = net.createServer((socket) => void app.server.emit("connection", socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    const before = process.umask(0o177); // the file is never open to others, not even before chmod
    server.listen(path, resolve);
    process.umask(before);
  });
  chmodSync(path, 0o600);
  return server;
}

/** A killed server leaves its file behind. One on which somebody answers is left alone, and so is a file that is no socket. */
async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!found) return;
  if (!found.isSocket())
    throw new LoopError("home_not_usable", `${path} is in the way: expected nothing there, or the socket of an earlier server. Move it away.`, {
      facts: { path },
    });
  if (await answers(path)) throw new LoopError("home_in_use", `Another server answers on ${path}. Stop it first: \`loop down\`.`, { facts: { path } });
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(path);
    probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
}
