import { createHash, type Hash } from "node:crypto";
import { parseCanonical, sha256 } from "#src/kernel/canonical-json.ts";
import { chainHash, type Seal, sealBytes } from "./chain.ts";
import { endBytes, ERASED_MEMBER, eventLineStart, EXPORT_FORMAT, type ExportEnd, type ExportHeader, type ExportKey, PAYLOAD_MEMBER } from "./export-format.ts";
import { isSignedBy, type KeyId, type PublicKey, readPublicKey } from "./keys.ts";
import { type LineFault, linesOf } from "./export-lines.ts";
import { type Broken, parseJson, payloadFault, readHead, type Verified } from "./verification.ts";

/** What an export says of itself, beside whether it holds. */
export type ExportVerification = (Verified & Pick<ExportHeader, "workspace" | "from" | "to">) | Broken;

export interface ExportTrust {
  /** Public keys in PEM. When given, a signature by any other key breaks the export. */
  readonly trustedKeys?: readonly string[];
}

/** Checks an export as it lies in a file: every byte of it counts. No database, no network. */
export async function verifyExportFile(chunks: AsyncIterable<Uint8Array>, trust: ExportTrust = {}): Promise<ExportVerification> {
  const fault: LineFault = {};
  const result = await verifyExport(linesOf(chunks, fault), trust);
  if (fault.what === undefined) return result;
  return { kind: "broken", position: result.kind === "broken" ? result.position : result.to + 1, what: fault.what };
}

/** The same over lines without their line feeds. @throws only what `lines` throws */
export async function verifyExport(lines: AsyncIterable<string>, trust: ExportTrust = {}): Promise<ExportVerification> {
  const reading = newReading(trust);
  for await (const line of lines) {
    const what = takeLine(reading, line);
    if (what !== undefined) return { kind: "broken", position: reading.position + (isSignedLine(line) ? 0 : 1), what };
  }
  const { header, ended, events, erased } = reading;
  if (!header || !ended) return { kind: "broken", position: reading.position + 1, what: "the export ends here, without its trailer: lines are missing" };
  const { workspace, from, to } = header;
  return { kind: "verified", workspace, from, to, events, erased, keyIds: [...reading.signers].toSorted(), trusted: trust.trustedKeys !== undefined };
}

/** Seals and the trailer speak of the event before them. */
const isSignedLine = (line: string): boolean => line.startsWith('{"seal":') || line.startsWith('{"end":');

interface Reading {
  readonly trusted: ReadonlySet<string | undefined> | undefined;
  readonly digest: Hash;
  readonly keys: Map<string, PublicKey & { readonly revokedAt: string | null }>;
  readonly signers: Set<KeyId>;
  header: ExportHeader | undefined;
  ended: boolean;
  position: number;
  hash: Buffer;
  events: number;
  erased: number;
}

function newReading({ trustedKeys }: ExportTrust): Reading {
  return {
    trusted: trustedKeys && new Set(trustedKeys.map((pem) => readPublicKey(pem)?.keyId)),
    digest: createHash("sha256"),
    keys: new Map(),
    signers: new Set(),
    header: undefined,
    ended: false,
    position: 0,
    hash: Buffer.alloc(0),
    events: 0,
    erased: 0,
  };
}

/** Takes the next line; gives what is wrong with it. */
function takeLine(reading: Reading, line: string): string | undefined {
  if (reading.ended) return "there is more after the trailer";
  if (!reading.header) return digested(reading, line, takeHeader(reading, line));
  if (line.startsWith('{"position":')) return digested(reading, line, takeEvent(reading, line));
  if (line.startsWith('{"seal":')) return digested(reading, line, takeSeal(reading, line));
  return takeEnd(reading, line, reading.header);
}

function digested(reading: Reading, line: string, fault: string | undefined): string | undefined {
  reading.digest.update(`${line}\n`);
  return fault;
}

function takeHeader(reading: Reading, line: string): string | undefined {
  const header = parseCanonical(line) as ExportHeader | undefined;
  if (header?.format !== EXPORT_FORMAT) return `this is no export of a journal: its first line should be a header of the format ${EXPORT_FORMAT}`;
  if (!isHeader(header)) return "the header is not complete";
  for (const { keyId, publicKey, revokedAt } of header.keys) {
    const key = readPublicKey(publicKey);
    if (key?.keyId !== keyId) return `the public key of ${keyId} in the header is not the key of that name`;
    reading.keys.set(keyId, { ...key, revokedAt });
  }
  reading.header = header;
  reading.position = header.from - 1;
  reading.hash = Buffer.from(header.before, "hex");
  return undefined;
}

function isHeader({ workspace, from, to, before, keys }: Partial<ExportHeader>): boolean {
  const isKey = (key: Partial<ExportKey> | null): boolean =>
    typeof key?.keyId === "string" && typeof key.publicKey === "string" && (key.revokedAt === null || typeof key.revokedAt === "string");
  const positions = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from! >= 1 && to! >= from! - 1;
  return typeof workspace === "string" && positions && typeof before === "string" && /^[0-9a-f]{64}$/.test(before) && Array.isArray(keys) && keys.every(isKey);
}

function takeEvent(reading: Reading, line: string): string | undefined {
  const position = reading.position + 1;
  const event = readEventLine(line, position);
  const head = event && readHead(event.head);
  if (!event || !head) return `the event is missing, or its line was changed; in its place stands ${line.slice(0, 40)}…`;
  const hash = chainHash(reading.hash, position, event.head);
  if (hash.toString("hex") !== event.hash) return "the event was changed: its hash does not follow from the one before";
  const erased = event.rest === ERASED_MEMBER;
  const payload = event.rest === "" || erased ? null : sha256(event.rest.slice(PAYLOAD_MEMBER.length));
  const fault = payloadFault(head, { payload, erased });
  if (fault !== undefined) return `the event ${fault}`;
  reading.position = position;
  reading.hash = hash;
  reading.events += 1;
  if (erased) reading.erased += 1;
  return undefined;
}

/** Cuts the line at its members instead of parsing it: the payload is checked by its digest, as the text that it is. */
function readEventLine(line: string, position: number): { readonly hash: string; readonly head: string; readonly rest: string } | undefined {
  const hashAt = `{"position":${position},"hash":"`.length;
  const hash = line.slice(hashAt, hashAt + 64);
  const headAt = eventLineStart({ position, hash, head: "" }).length - 2;
  const rest = restOf(line, headAt);
  const head = rest === undefined ? undefined : parseJson(line.slice(headAt, line.length - rest.length - 1));
  if (rest === undefined || typeof head !== "string" || !line.startsWith(eventLineStart({ position, hash, head }))) return undefined;
  return { hash, head, rest };
}

/** What stands between the head and the closing brace. A quotation mark inside the head is escaped, so a comma and a mark are never side by side there. */
function restOf(line: string, headAt: number): string | undefined {
  if (!line.endsWith("}")) return undefined;
  const payloadAt = line.indexOf(PAYLOAD_MEMBER, headAt);
  if (payloadAt !== -1) return line.slice(payloadAt, -1);
  return line.endsWith(`${ERASED_MEMBER}}`) ? ERASED_MEMBER : "";
}

function takeSeal(reading: Reading, line: string): string | undefined {
  const { seal, signature } = (parseCanonical(line) ?? {}) as { readonly seal?: Seal; readonly signature?: unknown };
  if (!seal || typeof signature !== "string") return "the line of the seal cannot be read";
  if (seal.position !== reading.position || seal.hash !== reading.hash.toString("hex")) return "the seal is not over the event before it";
  return signatureFault(reading, { keyId: seal.keyId, at: seal.at, bytes: sealBytes(seal), signature });
}

function takeEnd(reading: Reading, line: string, header: ExportHeader): string | undefined {
  const { end, signature } = (parseCanonical(line) ?? {}) as { readonly end?: ExportEnd; readonly signature?: unknown };
  if (end?.format !== EXPORT_FORMAT || typeof signature !== "string") return "this is no line of an export";
  if (end.position !== reading.position || end.position !== header.to || end.count !== reading.events) return "the trailer ends elsewhere: events are missing";
  if (end.hash !== reading.hash.toString("hex")) return "the trailer has another hash than the last event";
  if (end.digest !== reading.digest.digest("hex")) return "the export is not the one that was signed: a line was changed, added or taken out";
  reading.ended = true;
  return signatureFault(reading, { keyId: end.keyId, at: end.at, bytes: endBytes(end), signature });
}

interface Claim {
  readonly keyId: KeyId;
  readonly at: string;
  readonly bytes: Uint8Array;
  readonly signature: string;
}

function signatureFault(reading: Reading, { keyId, at, bytes, signature }: Claim): string | undefined {
  const key = reading.keys.get(keyId);
  if (!key) return `signed by ${String(keyId)}, which the header does not have`;
  if (reading.trusted && !reading.trusted.has(keyId)) return `signed by ${keyId}, which is not among the trusted keys`;
  if (key.revokedAt !== null && at > key.revokedAt) return `signed by ${keyId} after that key was revoked`;
  const raw = Buffer.from(signature, "base64");
  if (raw.toString("base64") !== signature || !isSignedBy(key, bytes, raw)) return `the signature is not by ${keyId}`;
  reading.signers.add(keyId);
  return undefined;
}
