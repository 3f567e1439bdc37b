import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";

export interface TransportLimits {
  /** Until there is a connection, TLS included. */
  readonly connectMs: number;
  /** From when the request may be sent until the answer begins. */
  readonly headersMs: number;
}

/** Connections are kept: a new one to a provider costs more than the request. */
const AGENT_OPTIONS = { keepAlive: true, scheduling: "lifo", maxFreeSockets: 256 } as const;
const AGENTS = { "http:": new http.Agent(AGENT_OPTIONS), "https:": new https.Agent(AGENT_OPTIONS) } as const;

/** Codes of the two limits, in the place where the system's words for failed connections stand. */
export const CONNECT_TIMEOUT = "CONNECT_TIMEOUT";
export const HEADERS_TIMEOUT = "HEADERS_TIMEOUT";

class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export interface TransportRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body: Uint8Array | string | undefined;
  readonly signal: AbortSignal;
}

/** One request; resolves when the answer begins. A kept connection that the other side had closed meanwhile is replaced once: nobody has read the request then. */
export async function request(sent: TransportRequest, limits: TransportLimits): Promise<http.IncomingMessage> {
  try {
    return await attempt(sent, limits);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return attempt(sent, limits);
  }
}

class StaleConnection extends Error {
  override readonly name = "StaleConnection";
  readonly code = "ECONNRESET";
}

function attempt({ url, method, headers, body, signal }: TransportRequest, limits: TransportLimits): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const secure = url.protocol === "https:";
  const outgoing = (secure ? https : http).request(url, { method, headers, signal, agent: AGENTS[secure ? "https:" : "http:"] });
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number, code: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => outgoing.destroy(new TransportError(code)), ms);
  };
  outgoing.on("socket", (socket) => {
    if (!socket.connecting) return wait(limits.headersMs, HEADERS_TIMEOUT);
    wait(limits.connectMs, CONNECT_TIMEOUT);
    socket.once(secure ? "secureConnect" : "connect", () => wait(limits.headersMs, HEADERS_TIMEOUT));
  });
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    reject(outgoing.reusedSocket && error.code === "ECONNRESET" ? new StaleConnection(error.message, { cause: error }) : error);
  });
  outgoing.on("response", (response) => {
    clearTimeout(timer);
    resolve(response);
  });
  outgoing.end(body);
  return promise;
}

/** The same in the shape that the vendors' libraries take. Follows no redirect; takes what is sent as it is, packed answers aside, which are never asked for. */
export function transportFetch(limits: TransportLimits): typeof globalThis.fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    const headers = Object.fromEntries(asked.headers);
    const body = asked.body === null ? undefined : new Uint8Array(await asked.arrayBuffer());
    if (body) headers["content-length"] = String(body.byteLength);
    const response = await request({ url: new URL(asked.url), method: asked.method, headers, body, signal: init?.signal ?? asked.signal }, limits);
    const status = response.statusCode ?? 0;
    const sent = new Headers();
    for (const [name, value] of Object.entries(response.headersDistinct)) value?.forEach((one) => sent.append(name, one));
    const bodyless = status === 204 || status === 205 || status === 304;
    return new Response(bodyless ? null : (Readable.toWeb(response) as ReadableStream<Uint8Array>), { status, headers: sent });
  };
}
