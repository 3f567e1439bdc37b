import { setImmediate } from "node:timers/promises";
import type { Db } from "#src/database/open.ts";
import { chainHash, GENESIS, sealBytes } from "./chain.ts";
import type { EventHead } from "./event.ts";
import { isSignedByAsync, type KeyId, type PublicKey, readPublicKey } from "./keys.ts";
import { listKeys, type SigningKey } from "./store/keys.ts";
import { type Extent, readExtent, readSeals, readStoredEvents, type StoredEvent, type StoredSeal, type Stretch } from "./store/pages.ts";
import { type Broken, payloadFault, readHead, type Verified } from "./verification.ts";

const PAGE_EVENTS = 5_000;

/** `unsealed`: events that have no position yet, and are not part of what was verified. */
export type JournalVerification = (Verified & { readonly unsealed: number }) | Broken;

interface Reading {
  readonly keys: ReadonlyMap<string, RegisteredKey>;
  readonly signers: Set<KeyId>;
  position: number;
  hash: Buffer;
  erased: number;
  seals: number;
}

type RegisteredKey = PublicKey & { readonly revokedAt: Date | null };

/**
 * Recomputes the whole journal from what the database holds, as far as it was sealed when the call came; appending and sealing go on meanwhile.
 * A database whose owner took events and their seals off the end together is consistent: compare with an export that was taken out before.
 * `trustedKeys`: public keys in PEM.
 */
export async function verifyJournal(db: Db, options: { readonly trustedKeys?: readonly string[] } = {}): Promise<JournalVerification> {
  const extent = await readExtent(db);
  const keys = readKeys(await listKeys(db));
  if ("kind" in keys) return keys;
  const reading: Reading = { keys, signers: new Set(), position: 0, hash: GENESIS, erased: 0, seals: 0 };
  let page = await readPage(db, { after: 0, to: extent.position });
  while (reading.position < extent.position) {
    if (page.events.length === 0) return { kind: "broken", position: reading.position + 1, what: `the events from here to ${extent.position} are missing` };
    const [next, fault] = await Promise.all([readPage(db, { after: page.events.at(-1)!.position, to: extent.position }), verifyPage(reading, page)]);
    if (fault) return fault;
    page = next;
  }
  const fault = endFault(reading, extent) ?? foreignKeyFault(reading, options.trustedKeys);
  if (fault !== undefined) return { kind: "broken", position: reading.position, what: fault };
  const { erased, position: events } = reading;
  return { kind: "verified", events, erased, unsealed: extent.unsealed, keyIds: [...reading.signers].toSorted(), trusted: options.trustedKeys !== undefined };
}

function readKeys(registered: readonly SigningKey[]): Map<string, RegisteredKey> | Broken {
  const keys = new Map<string, RegisteredKey>();
  for (const { keyId, publicKey, revokedAt } of registered) {
    const key = readPublicKey(publicKey);
    if (key?.keyId !== keyId) return { kind: "broken", position: 0, what: `the registered public key ${keyId} is not the key of that name` };
    keys.set(keyId, { ...key, revokedAt });
  }
  return keys;
}

interface Page {
  readonly events: readonly StoredEvent[];
  readonly seals: readonly StoredSeal[];
}

async function readPage(db: Db, { after, to }: Stretch): Promise<Page> {
  const events = after < to ? await readStoredEvents(db, { after, to }, PAGE_EVENTS) : [];
  const last = events.at(-1);
  return { events, seals: last ? await readSeals(db, { after, to: last.position }) : [] };
}

async function verifyPage(reading: Reading, { events, seals }: Page): Promise<Broken | undefined> {
  await setImmediate(); // the next page is asked for before this one takes the thread; and whoever else waits gets a turn
  const after = reading.position;
  for (const event of events) {
    const fault = takeEvent(reading, event);
    if (fault !== undefined) return { kind: "broken", position: reading.position + 1, what: fault };
  }
  reading.seals += seals.length;
  const faults = await Promise.all(seals.map((seal) => sealFault(reading, seal, events[seal.position - after - 1]!)));
  const first = faults.findIndex((fault) => fault !== undefined);
  return first === -1 ? undefined : { kind: "broken", position: seals[first]!.position, what: faults[first]! };
}

function takeEvent(reading: Reading, event: StoredEvent): string | undefined {
  const position = reading.position + 1;
  if (event.position !== position) return "the event is missing";
  const hash = chainHash(reading.hash, position, event.head);
  if (!hash.equals(event.hash)) return "the event was changed: its hash does not follow from the one before";
  const head = readHead(event.head);
  if (!head) return "the head of the event cannot be read";
  const column = differingColumn(event, head);
  if (column !== undefined) return `the column ${column} says something else than the head of the event`;
  const fault = payloadFault(head, event);
  if (fault !== undefined) return `the event ${fault}`;
  reading.position = position;
  reading.hash = hash;
  if (event.erased) reading.erased += 1;
  return undefined;
}

function differingColumn(event: StoredEvent, head: EventHead): string | undefined {
  if (event.kind !== head.kind) return "kind";
  if (event.at !== head.at.replace("Z", "000Z")) return "at";
  if (event.actor !== head.actor) return "actor";
  if (event.runId !== (head.runId ?? null)) return "run_id";
  return event.ticketId === (head.ticketId ?? null) ? undefined : "ticket_id";
}

async function sealFault(reading: Reading, seal: StoredSeal, event: StoredEvent): Promise<string | undefined> {
  if (!seal.hash.equals(event.hash)) return "the seal is over another hash than the event has";
  const key = reading.keys.get(seal.keyId);
  if (!key) return `the seal is by ${seal.keyId}, which is not registered`;
  if (key.revokedAt !== null && seal.at > key.revokedAt) return `the seal is by ${seal.keyId}, after that key was revoked`;
  const bytes = sealBytes({ position: seal.position, hash: seal.hash.toString("hex"), at: seal.at.toISOString(), keyId: seal.keyId });
  if (!(await isSignedByAsync(key, bytes, seal.signature))) return `the signature of the seal is not by ${seal.keyId}`;
  reading.signers.add(seal.keyId);
  return undefined;
}

function endFault(reading: Reading, extent: Extent): string | undefined {
  const { position, hash, seals } = reading;
  if (!hash.equals(extent.hash)) return "the head row has another hash than the last event";
  if (extent.lastEvent !== position) return `there are events up to ${extent.lastEvent}, beyond the head row`;
  if (extent.lastSeal !== position) return "the last event is not covered by a seal";
  return extent.seals === seals ? undefined : `there are ${extent.seals} seals, of which ${seals} stand at an event`;
}

function foreignKeyFault(reading: Reading, trustedKeys: readonly string[] | undefined): string | undefined {
  const trusted = trustedKeys && new Set<string | undefined>(trustedKeys.map((pem) => readPublicKey(pem)?.keyId));
  const foreign = trusted && [...reading.signers].find((keyId) => !trusted.has(keyId));
  return foreign && `seals are signed by ${foreign}, which is not among the trusted keys`;
}
