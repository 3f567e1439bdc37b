import type { ClientRequest, IncomingMessage } from "node:http";
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
  /** Server-sent events until the signal or the server ends them. @throws as the others, before the first event */
  follow(path: string, options: { readonly signal: AbortSignal }): AsyncIterable<string>;
}

/** Longer than the server waits for anything. */
const ANSWER_WITHIN_MS = 60_000;

/**
 * `import "node:http"` makes a namespace of everything in it, and for WebSocket alone loads a whole client (60 ms here); taking the module as it is does not.
 */
const http = process.getBuiltinModule("node:http");

/** Speaks to the server over its socket in the home. */
export function createApi(target: Target): Api {
  const call = async (method: Method, path: string, body?: object): Promise<Body> => {
    const response = await send(target, { method, path, body, timeoutMs: ANSWER_WITHIN_MS });
    const text = await textOf(response);
    if (response.statusCode! >= 200 && response.statusCode! < 300) return text;
    throw failureOf(response.statusCode!, text);
  };
  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    delete: (path) => call("DELETE", path),
    follow: (path, { signal }) => follow(target, path, signal),
  };
}

interface Call {
  readonly method: Method;
  readonly path: string;
  readonly body?: object | undefined;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

function send(target: Target, { method, path, body, timeoutMs, signal }: Call): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    host: "localhost",
    "loop-face": "cli",
    ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const options = { socketPath: target.socketPath, method, path, headers, agent: false as const, ...(signal ? { signal } : {}) };
    const request: ClientRequest = http.request(options, resolve);
    if (timeoutMs !== undefined) request.setTimeout(timeoutMs, () => request.destroy(new LoopError("server_not_running", slow(timeoutMs))));
    request.on("error", (error: NodeJS.ErrnoException) => reject(signal?.aborted || error instanceof LoopError ? error : notRunning(target, error)));
    request.end(text);
  });
}

const slow = (afterMs: number): string => `The server took the request and gave no answer in ${afterMs / 1_000} s. See logs/server.log in its home, or start it anew.`;

function notRunning({ homeFolder, socketPath }: Target, cause: NodeJS.ErrnoException): LoopError {
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    return new LoopError("server_not_running", `This account may not speak to the server of ${homeFolder}. Run it as the account that started the server, or set LOOP_HOME to a home of yours.`, { cause });
  }
  return new LoopError("server_not_running", `No server runs for the home ${homeFolder} (${socketPath}: ${cause.code ?? cause.message}). Start it with \`loop up\`, or set LOOP_HOME to the home whose server you mean.`, {
    facts: { homeFolder },
    cause,
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** A problem as RFC 9457 has it, or whatever else came. */
function failureOf(status: number, body: string): ApiFailure {
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

/** The `data` of each event. */
async function* follow(target: Target, path: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await send(target, { method: "GET", path, signal });
  if (response.statusCode !== 200) throw failureOf(response.statusCode!, await textOf(response));
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const blocks = (rest + (chunk as string)).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const lines = block.split("\n");
      if (lines.includes("event: end")) return;
      const data = lines.filter((line) => line.startsWith("data: "));
      if (data.length > 0) yield data.map((line) => line.slice(6)).join("\n");
    }
  }
}
