export const MAX_ERROR_BODY_BYTES = 64 * 1024;
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface WireLimits {
  /** From the start of the call to its end. */
  readonly timeoutMs: number;
  /** Between two pieces of an answer that has begun: of a streamed one, from the first word of the model on. */
  readonly idleMs: number;
}

/** What happened on the wire, as seen under the vendor's library and whatever that makes of it. */
export interface WireRecord {
  /** Requests that were let through: 0 or 1. */
  requests: number;
  /** A second request was wanted and refused. */
  wantedMore: boolean;
  status: number | undefined;
  headers: Headers | undefined;
  /** The start of the body of an answer that was not 2xx. */
  errorBody: string;
  /** A web page came where an answer was expected. */
  webPage: boolean;
  /** The system's word for why no answer came, such as `ECONNREFUSED`. */
  networkError: string | undefined;
  /** The connection broke inside the body. */
  broken: boolean;
  receivedBytes: number;
  /** A streamed answer in which the model has said nothing yet: it may be thinking, and its silence is bounded by the time of the whole call, as it is for an answer that comes whole. */
  thinking: boolean;
  /** Why the call was ended from this side. */
  ended: "aborted" | "timed_out" | "idle" | "too_large" | undefined;
}

export interface WireSession {
  readonly record: WireRecord;
  /** For the vendor's library. Lets one request through, follows no redirect, and gives only 2xx answers back; everything else is in the record. */
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Rejects when the call is ended from this side, even if the vendor's library does not notice. */
  readonly ended: Promise<never>;
  close(): void;
}

class WireError extends Error {
  override readonly name = "WireError";
}

/** Opens a session for one call. Close it in any case: that ends what is still under way. */
export function openWire(options: { limits: WireLimits; signal: AbortSignal; fetch: typeof globalThis.fetch }): WireSession {
  const record: WireRecord = emptyRecord();
  const stop = new AbortController();
  const end = (why: NonNullable<WireRecord["ended"]>) => {
    if (stop.signal.aborted) return;
    record.ended = why;
    stop.abort(new DOMException(`the call was ended: ${why}`, "AbortError"));
  };
  const onAbort = () => end("aborted");
  const timer = setTimeout(() => end("timed_out"), options.limits.timeoutMs);
  options.signal.addEventListener("abort", onAbort, { once: true });

  const ended = new Promise<never>((_resolve, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason), { once: true }));
  ended.catch(() => {}); // nobody may be waiting any more
  if (options.signal.aborted) onAbort();

  return {
    record,
    signal: stop.signal,
    ended,
    fetch: async (input, init) => {
      if (record.requests > 0) {
        record.wantedMore = true;
        throw new WireError("one request a call");
      }
      stop.signal.throwIfAborted();
      record.requests = 1;
      // A redirect would carry the key to an address that nobody approved.
      const response = await options.fetch(input, { ...init, redirect: "manual", signal: stop.signal }).catch((error: unknown) => {
        record.networkError = codeOf(error);
        throw error;
      });
      await readHead(response, record);
      return new Response(response.body && watched(response.body, { record, idleMs: options.limits.idleMs, end }), {
        status: response.status,
        headers: response.headers,
      });
    },
    close() {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", onAbort);
      stop.abort(new DOMException("the call is over", "AbortError"));
    },
  };
}

export function emptyRecord(): WireRecord {
  return {
    requests: 0,
    wantedMore: false,
    status: undefined,
    headers: undefined,
    errorBody: "",
    webPage: false,
    networkError: undefined,
    broken: false,
    receivedBytes: 0,
    thinking: false,
    ended: undefined,
  };
}

/** The first code in the chain of causes. */
function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "string") return code;
  }
  return undefined;
}

async function readHead(response: Response, record: WireRecord): Promise<void> {
  record.status = response.status;
  record.headers = response.headers;
  if (!response.ok) {
    record.errorBody = await readStart(response);
    throw new WireError(`status ${response.status}`);
  }
  record.webPage = /^\s*text\/html/i.test(response.headers.get("content-type") ?? "");
  if (record.webPage) throw new WireError("a web page");
}

async function readStart(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length > MAX_ERROR_BODY_BYTES) break;
    }
  } catch {
    return text; // the status says enough
  }
  return text;
}

interface Watch {
  readonly record: WireRecord;
  readonly idleMs: number;
  readonly end: (why: "idle" | "too_large") => void;
}

/** The same bytes, with the idle limit on each wait for the network: a slow reader on this side does not count. */
function watched(body: ReadableStream<Uint8Array>, { record, idleMs, end }: Watch): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const idle = setInterval(() => !record.thinking && end("idle"), idleMs);
        try {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          record.receivedBytes += value.byteLength;
          if (record.receivedBytes > MAX_ANSWER_BYTES) end("too_large");
          controller.enqueue(value);
        } catch (error) {
          record.broken = true;
          controller.error(error);
        } finally {
          clearInterval(idle);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
