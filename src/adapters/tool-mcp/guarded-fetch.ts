import { ServerTrouble } from "./trouble.ts";

/** Whether something may be sent there: encrypted, or on this machine. Nothing but these two ways of http is an address. */
export function isSafeAddress(text: string | URL): boolean {
  const url = URL.parse(String(text));
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
}

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface GuardOptions {
  /** Of one answer, or of one event of a stream. */
  readonly maxBytes: number;
  readonly fetch?: Fetch;
}

/** Asks only safe addresses, follows no redirect, and reads no more than it may of any answer. @throws ServerTrouble */
export function guardedFetch({ maxBytes, fetch: send = (url, init) => globalThis.fetch(url, init) }: GuardOptions): Fetch {
  return async (url, init) => {
    if (!isSafeAddress(url)) throw new ServerTrouble(`it names the address ${shown(url)}, and only https, or http on this machine, is asked`);
    const answer = await send(url, { ...init, redirect: "manual" });
    if (answer.status >= 300 && answer.status < 400 && answer.status !== 304)
      throw new ServerTrouble("it sends us on to another address, which is not followed");
    if (answer.body === null) return answer;
    const isStream = (answer.headers.get("content-type") ?? "").startsWith("text/event-stream");
    const body = answer.body.pipeThrough(isStream ? boundedEvents(maxBytes) : boundedBytes(maxBytes));
    const { status, statusText, headers } = answer;
    return new Response(body, { status, statusText, headers });
  };
}

const shown = (url: string | URL): string => JSON.stringify(String(url).slice(0, 80));

const tooLarge = (maxBytes: number): ServerTrouble => new ServerTrouble(`it sent more than ${maxBytes} bytes at once`);

function boundedBytes(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.length;
      if (seen > maxBytes) controller.error(tooLarge(maxBytes));
      else controller.enqueue(chunk);
    },
  });
}

/** A stream may go on for ever; one event of it, up to its empty line, may not. */
function boundedEvents(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let inEvent = 0;
  let last = 0;
  return new TransformStream({
    transform(chunk, controller) {
      for (const byte of chunk) {
        const isEmptyLine = byte === 10 && last === 10;
        inEvent = isEmptyLine ? 0 : inEvent + 1;
        if (byte !== 13) last = byte;
      }
      if (inEvent > maxBytes) controller.error(tooLarge(maxBytes));
      else controller.enqueue(chunk);
    },
  });
}
