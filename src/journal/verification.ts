import type { EventHead } from "./event.ts";
import type { KeyId } from "./keys.ts";

/** Nothing was changed, taken out, put in or moved. */
export interface Verified {
  readonly kind: "verified";
  readonly events: number;
  /** Events whose payload was erased: what they said can no longer be checked. */
  readonly erased: number;
  /** Whose signatures were seen, sorted. */
  readonly keyIds: readonly KeyId[];
  /** Keys were given to trust, and no other key signed. When false, whoever holds one of `keyIds` could have written all of it. */
  readonly trusted: boolean;
}

export interface Broken {
  readonly kind: "broken";
  /** Of the event, or of the last one before the seal or trailer, where it was noticed. */
  readonly position: number;
  /** For a person. */
  readonly what: string;
}

/** The head, or undefined when the text is none. */
export function readHead(text: string): EventHead | undefined {
  const head = parseJson(text) as EventHead | null | undefined;
  if (typeof head !== "object" || head === null || head.v !== 1) return undefined;
  return head.payload === null || typeof head.payload === "string" ? head : undefined;
}

/** What is wrong with a payload under this head, if anything. `payload`: the digest of what is there. */
export function payloadFault(head: EventHead, { payload, erased }: { readonly payload: string | null; readonly erased: boolean }): string | undefined {
  if (head.payload === null) return payload === null && !erased ? undefined : "has a payload, and had none when it was appended";
  if (erased) return payload === null ? undefined : "is marked erased and has a payload";
  if (payload === null) return "has lost its payload, and is not marked erased";
  return payload === head.payload ? undefined : "has another payload than when it was appended";
}

/** undefined when the text is not JSON; the caller says what it was. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
