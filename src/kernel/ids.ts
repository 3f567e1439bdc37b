import { randomBytes } from "node:crypto";

/** What each prefix names. Ids are sortable by time of creation and are no secrets. */
export type IdPrefix =
  | "act"
  | "apl"
  | "ask"
  | "bud"
  | "chk"
  | "cpy"
  | "dec"
  | "gwc"
  | "gwy"
  | "key"
  | "mem"
  | "msg"
  | "out"
  | "prn"
  | "pro"
  | "run"
  | "sgn"
  | "tkn"
  | "tkt"
  | "thr"
  | "tmr"
  | "job"
  | "lsn";

export type Id<P extends IdPrefix> = `${P}_${string}`;
export type RunId = Id<"run">;
export type ActId = Id<"act">;
export type AskId = Id<"ask">;
export type TicketId = Id<"tkt">;
export type ThreadId = Id<"thr">;
export type PrincipalId = Id<"prn">;

let lastMs = 0;
let counter = 0;

/** A UUIDv7 (RFC 9562) with a type prefix. Ids made by one process in one millisecond keep their order. */
export function newId<P extends IdPrefix>(prefix: P, nowMs: number): Id<P> {
  if (nowMs > lastMs) {
    lastMs = nowMs;
    counter = randomBytes(2).readUInt16BE() & 0x7ff; // head room, so that a burst does not overflow 12 bits
  } else {
    counter += 1;
    if (counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  }
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `${prefix}_${bytes.toString("hex")}`;
}

/** True when the text has the shape of an id of this prefix. Says nothing about whether it exists. */
export function isId<P extends IdPrefix>(prefix: P, text: string): text is Id<P> {
  return text.length === prefix.length + 33 && text.startsWith(`${prefix}_`) && /^[0-9a-f]{32}$/.test(text.slice(prefix.length + 1));
}
