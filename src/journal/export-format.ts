import { canonicalJson } from "#src/kernel/canonical-json.ts";
import type { Seal } from "./chain.ts";
import type { KeyId } from "./keys.ts";

/*
 * An export is JSON, one object a line, each line ended by a line feed, each in exactly one form:
 *
 *   header     {"format":…}                 canonical
 *   event      {"position":…,"hash":…,"head":…,"payload":…}   members in this order; the payload as it was hashed, or "erased":true, or neither
 *   seal       {"seal":{…},"signature":…}   canonical; after the event that it is over
 *   trailer    {"end":{…},"signature":…}    canonical; its digest is over every byte before it
 *
 * The chain binds the events, the seals show who vouched for them and when, and the signed trailer binds the file: what was erased, and where it ends.
 */
export const EXPORT_FORMAT = "loopwright.journal/1";

export interface ExportHeader {
  readonly format: typeof EXPORT_FORMAT;
  /** The name of the workspace. */
  readonly workspace: string;
  /** First and last position; `to` is `from - 1` when there are no events. */
  readonly from: number;
  readonly to: number;
  /** The hash before the first event, in hex. */
  readonly before: string;
  readonly keys: readonly ExportKey[];
}

export interface ExportKey {
  readonly keyId: KeyId;
  readonly publicKey: string;
  readonly host: string;
  /** ISO 8601 in UTC. */
  readonly revokedAt: string | null;
}

export interface ExportEvent {
  readonly position: number;
  readonly hash: string;
  readonly head: string;
  /** Canonical JSON, as hashed. */
  readonly body: string | null;
  readonly erased: boolean;
}

export interface ExportEnd {
  readonly format: typeof EXPORT_FORMAT;
  /** Events in the file. */
  readonly count: number;
  /** Of the last event. */
  readonly position: number;
  readonly hash: string;
  /** SHA-256 over all bytes before this line, in hex. */
  readonly digest: string;
  readonly at: string;
  readonly keyId: KeyId;
}

export const headerLine = (header: ExportHeader): string => canonicalJson({ ...header, keys: header.keys.map((key) => ({ ...key })) });

/** An event's line up to its payload. */
export function eventLineStart({ position, hash, head }: Pick<ExportEvent, "position" | "hash" | "head">): string {
  return `{"position":${position},"hash":"${hash}","head":${JSON.stringify(head)}`;
}

export const ERASED_MEMBER = ',"erased":true';
export const PAYLOAD_MEMBER = ',"payload":';

export function eventLine(event: ExportEvent): string {
  const payload = event.body === null ? "" : `${PAYLOAD_MEMBER}${event.body}`;
  return `${eventLineStart(event)}${event.erased ? ERASED_MEMBER : payload}}`;
}

export const sealLine = (seal: Seal, signature: Uint8Array): string =>
  canonicalJson({ seal: { ...seal }, signature: Buffer.from(signature).toString("base64") });

export const endLine = (end: ExportEnd, signature: Uint8Array): string =>
  canonicalJson({ end: { ...end }, signature: Buffer.from(signature).toString("base64") });

/** The bytes that the trailer's signature is over. A seal's never look like these: they have no `format`. */
export const endBytes = (end: ExportEnd): Buffer => Buffer.from(canonicalJson({ ...end }));
