import type { Socket } from "node:net";
import { type ErrorCode, type ErrorFacts, ERRORS, LoopError } from "#src/kernel/errors.ts";

/** An answer of the server that is not a 2xx, with the body as it came. */
export class ApiFailure extends LoopError {
  readonly body: string;

  constructor(code: ErrorCode, message: string, more: { readonly facts: ErrorFacts; readonly body: string }) {
    super(code, message, { facts: more.facts });
    this.body = more.body;
  }
}

/** Where the server is, and by what right. */
export interface Target {
  readonly homeFolder: string;
  readonly socketPath: string;
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
    throw failureOf(status, text);
  };
  return {
    get: (path) => call({ method: "GET", path }),
    post: (path, body) => call({ method: "POST", path, body }),
    delete: (path) => call({ method: "DELETE", path }),
  };
}

/** A connection on which the request has been sent. */
export function open(target: Target, { method, path, body }: Call): Socket {
  const socket = net.connect(target.socketPath);
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.0`,
    "host: localhost",
    "loop-face: cli",
    ...(target.token === undefined ? [] : [`authorization: Bearer ${target.token}`]),
    ...(body === undefined ? [] : ["content-type: application/json", `content-length: ${Buffer.byteLength(text)}`]),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  return socket;
}

/** All that comes until the server closes the connection. */
function exchange(target: Target, call: Call): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = open(target, call);
    const chunks: Buffer[] = [];
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(new LoopError("server_not_running", SLOW)));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => resolve(Buffer.concat(chunks)));
    socket.on("error", (error: NodeJS.ErrnoException) => reject(error instanceof LoopError ? error : notRunning(target, error)));
  });
}

const SLOW = `The server took the request and gave no answer in ${ANSWER_WITHIN_MS / 1_000} s. See logs/server.log in its home, or start it anew.`;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @throws LoopError server_not_running when it is cut: the server went away in the middle */
export function answerIn(bytes: Buffer): Answer {
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.subarray(0, Math.max(0, end)).toString("latin1");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  const length = /^content-length: *(\d+) *$/im.exec(head)?.[1];
  const body = bytes.subarray(end + 4);
  if (!status || (length !== undefined && body.length < Number(length))) {
    throw new LoopError("server_not_running", "The server went away in the middle of its answer. Whether it did what was asked is not known: look before you ask again.");
  }
  return { status, text: body.toString("utf8") };
}

/** What a connection that fails means to a person. */
export function notRunning({ homeFolder, socketPath }: Target, cause: NodeJS.ErrnoException): LoopError {
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    return new LoopError("server_not_running", `This account may not speak to the server of ${homeFolder}. Run it as the account that started the server, or set LOOP_HOME to a home of yours.`, { cause });
  }
  const seen = cause.code === "ENOENT" ? "there is no socket" : (cause.code ?? cause.message);
  return new LoopError("server_not_running", `No server runs for the home ${homeFolder} (${socketPath}: ${seen}). Start it with \`loop up\`, or set LOOP_HOME to the home whose server you mean.`, {
    facts: { homeFolder },
    cause,
  });
}

/** A problem as RFC 9457 has it, or whatever else came. */
export function failureOf(status: number, body: string): ApiFailure {
  const problem = problemIn(body);
  const code = problem.code !== undefined && Object.hasOwn(ERRORS, problem.code) ? (problem.code as ErrorCode) : "internal_error";
  const detail = problem.detail ?? `The server answered ${status} and said no more.`;
  return new ApiFailure(code, detail, { facts: problem.facts ?? {}, body });
}

interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly facts?: ErrorFacts;
}

function problemIn(body: string): ProblemBody {
  try {
    return JSON.parse(body) as ProblemBody;
  } catch {
    return {}; // not from our server, or cut: the status says what there is to say
  }
}
