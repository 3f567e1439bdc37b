import type { Socket } from "node:net";

/** Where the server is, and by what right. */
export interface Target {
  readonly homeFolder: string;
  readonly socketPath: string;
  /** Scheme, host and port of a server elsewhere, which then is the one that is meant. */
  readonly origin?: string | undefined;
  /** Undefined: only what is public can be asked. */
  readonly token: string | undefined;
}

/** The body of an answer, as it came. */
export type Body = string;

export type Method = "GET" | "POST" | "DELETE";

export interface Api {
  /** @throws LoopError server_not_running, or the failure that the server names */
  get(path: string): Promise<Body>;
  /** @throws LoopError server_not_running, or the failure that the server names */
  post(path: string, body: object): Promise<Body>;
  /** @throws LoopError server_not_running, or the failure that the server names */
  delete(path: string): Promise<Body>;
}

export interface Call {
  readonly method: Method;
  readonly path: string;
  readonly body?: object | undefined;
}

/** Longer than the server waits for anything. */
const ANSWER_WITHIN_MS = 60_000;

/*
 * HTTP/1.0 over a plain socket: one request, one answer that ends with the connection. node:http does the same and costs a verb 8 ms more; and taken with
 * `import` it, as `node:fs`, loads everything that its namespace can name, which for node:http is 60 ms.
 */
const net = process.getBuiltinModule("node:net");

/** Speaks to the server over its socket in the home. */
export function createApi(target: Target): Api {
  const call = async (wanted: Call): Promise<Body> => {
    const { status, text } = answerIn(await exchange(target, wanted));
    if (status >= 200 && status < 300) return text;
    const { cutAnswer, failureOf, notKnownHere } = await import("./failures.ts");
    if (status === 401 && target.origin === undefined) throw notKnownHere(target, text);
    throw status === 0 ? cutAnswer() : failureOf(status, text);
  };
  return {
    get: (path) => call({ method: "GET", path }),
    post: (path, body) => call({ method: "POST", path, body }),
    delete: (path) => call({ method: "DELETE", path }),
  };
}

/** A connection on which the request has been sent. */
export function open(target: Target, { method, path, body }: Call): Socket {
  const url = target.origin === undefined ? undefined : new URL(target.origin);
  const socket = url === undefined ? net.connect(target.socketPath) : connectTo(url);
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.0`,
    `host: ${url?.host ?? "localhost"}`,
    "loop-face: cli",
    ...(target.token === undefined ? [] : [`authorization: Bearer ${target.token}`]),
    ...(body === undefined ? [] : ["content-type: application/json", `content-length: ${Buffer.byteLength(text)}`]),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  return socket;
}

function connectTo({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (protocol === "http:") return net.connect({ host, port: Number(port || 80) });
  const named = net.isIP(host) === 0 ? { servername: host } : {};
  return process.getBuiltinModule("node:tls").connect({ host, port: Number(port || 443), ...named });
}

/** All that comes until the server closes the connection. */
function exchange(target: Target, call: Call): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = open(target, call);
    const chunks: Buffer[] = [];
    let isSlow = false;
    socket.setTimeout(ANSWER_WITHIN_MS, () => {
      isSlow = true;
      socket.destroy(new Error("no answer"));
    });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks)));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      void import("./failures.ts").then(({ noAnswer, notRunning }) => reject(isSlow ? noAnswer(ANSWER_WITHIN_MS) : notRunning(target, error)), reject);
    });
  });
}

interface Answer {
  /** 0: there was no whole answer. */
  readonly status: number;
  readonly text: string;
}

export function answerIn(bytes: Buffer): Answer {
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.subarray(0, Math.max(0, end)).toString("latin1");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  const length = /^content-length: *(\d+) *$/im.exec(head)?.[1];
  const body = bytes.subarray(end + 4);
  const isCut = !status || (length !== undefined && body.length < Number(length));
  return { status: isCut ? 0 : status, text: body.toString("utf8") };
}
