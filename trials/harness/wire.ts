import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

/** One request as its bytes are to go out: nothing is added, corrected or left out by a client library. */
export interface Sending {
  readonly method?: string;
  /** The target, as it stands in the request line. */
  readonly path: string;
  /** Names and values in turn, so that one may come twice. `host` is added where it is missing. */
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  /** By the local socket instead of TCP. */
  readonly socketPath?: string;
  /** Enough of an endless answer. */
  readonly untilBytes?: number;
  readonly limitMs?: number;
}

export interface Answered {
  /** 0: the connection ended without an answer, or none came in time. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly tookMs: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const LIMIT_MS = 15_000;

/** Never throws. */
export function sendRaw(url: string, sending: Sending): Promise<Answered> {
  const { method = "GET", path, headers = [], body, socketPath, untilBytes = Number.POSITIVE_INFINITY, limitMs = LIMIT_MS } = sending;
  const { hostname, port, host } = new URL(url);
  const startMs = performance.now();
  const named = headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  const length =
    body === undefined || headers.some((name) => /^(content-length|transfer-encoding)$/i.test(name)) ? [] : ["content-length", String(Buffer.byteLength(body))];
  const all = [...(named ? [] : ["host", host]), ...headers, ...length];
  return new Promise((resolve) => {
    const none = (): void => resolve({ status: 0, headers: {}, text: "", tookMs: performance.now() - startMs });
    let begun: IncomingMessage | undefined;
    try {
      const place = socketPath === undefined ? { hostname, port, agent } : { socketPath, agent: false as const };
      const sent = request({ ...place, method, path, headers: all, timeout: limitMs }, (response) => {
        begun = response;
        const pieces: Buffer[] = [];
        let bytes = 0;
        const finish = (): void => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(pieces).toString("utf8"),
            tookMs: performance.now() - startMs,
          });
        };
        response.on("data", (piece: Buffer) => {
          pieces.push(piece);
          bytes += piece.length;
          if (bytes >= untilBytes) response.destroy();
        });
        response.once("close", finish);
        response.once("error", finish);
      });
      sent.once("timeout", () => void (begun ? begun.destroy() : sent.destroy(new Error("no answer in time"))));
      sent.once("error", none);
      sent.end(body);
    } catch {
      none(); // such a request cannot even be written
    }
  });
}

export const bearer = (token: string): readonly string[] => ["authorization", `Bearer ${token}`];

export const asJson = (body: unknown): { readonly body: string; readonly headers: readonly string[] } => ({
  body: JSON.stringify(body),
  headers: ["content-type", "application/json"],
});

/** The code of a problem; empty for anything else. */
export function codeOf({ text }: Pick<Answered, "text">): string {
  try {
    const read = JSON.parse(text) as { readonly code?: unknown };
    return typeof read.code === "string" ? read.code : "";
  } catch {
    return ""; // no JSON
  }
}
