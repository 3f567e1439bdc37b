import { ServerTrouble } from "./trouble.ts";

/** Whether something may be sent there: encrypted, or to this machine where that is allowed. Nothing but these two ways of http is an address. */
export function isSafeAddress(text: string | URL, allowLoopback: boolean): boolean {
  const url = URL.parse(String(text));
  if (url === null || url.username !== "" || url.password !== "") return false;
  if (isLoopback(url.href)) return allowLoopback && /^https?:$/.test(url.protocol);
  return url.protocol === "https:";
}

export const isLoopback = (text: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(URL.parse(text)?.hostname ?? "");

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface GuardOptions {
  /** Of one answer, or of one event of a stream. */
  readonly maxBytes: number;
  /** The server is on this machine: only then may it name addresses here. */
  readonly allowLoopback: boolean;
  readonly fetch?: Fetch;
}

/** Asks only safe addresses, follows no redirect, and reads no more than it may of any answer. @throws ServerTrouble */
export function guardedFetch({ maxBytes, allowLoopback, fetch: send = (url, init) => globalThis.fetch(url, init) }: GuardOptions): Fetch {
  return async (url, init) => {
    if (!isSafeAddress(url, allowLoopback)) throw new ServerTrouble(`it names the address ${shown(url)}, and only https, or http on this machine, is asked`);
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
