import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { erasePayloads } from "./erase.ts";
import { sealOnce } from "./seal.ts";
import { type Signer, signerOf } from "./signing.ts";
import { append } from "./store/append.ts";
import { type FeedEvent, readFeed } from "./store/feed.ts";
import { registerKey } from "./store/keys.ts";
import { verifyJournal } from "./verify.ts";

const HOUR_MS = 3_600_000;
const clock = heldClock(Date.UTC(2026, 2, 1, 12));
const at = "2026-03-01T12:00:00.000Z";
const ticketId = `tkt_${"a".repeat(32)}` as TicketId;
const otherTicketId = `tkt_${"b".repeat(32)}` as TicketId;
const runId = `run_${"c".repeat(32)}` as RunId;

const newSigner = (): Signer => signerOf(generateKeyPairSync("ed25519").privateKey);

/** Six events in two sealed batches. */
async function journal(t: TestContext): Promise<{ db: Db; signer: Signer; advance: (ms: number) => Promise<void> }> {
  const { db, advance } = await testDatabase(t);
  const signer = newSigner();
  await registerKey(db, { ...signer, host: "here" });
  await append(db, clock, [
    { kind: "ticket.opened", actor: "system", ticketId, payload: { text: "冷氣漏水" } },
    { kind: "run.queued", actor: "system", ticketId, runId },
    { kind: "act.started", actor: "agent:triage", ticketId, runId, payload: { act: 1 } },
  ]);
  await sealOnce(db, signer);
  await append(db, clock, [
    { kind: "ticket.opened", actor: "system", ticketId: otherTicketId, payload: { text: "soap" } },
    { kind: "act.done", actor: "agent:triage", ticketId, runId, payload: { act: 1, expires: true }, expiresAtMs: systemClock.nowMs() + HOUR_MS },
    { kind: "server.stopped", actor: "system" },
  ]);
  await sealOnce(db, signer);
  return { db, signer, advance };
}

const event = (position: number, kind: string, rest: Partial<FeedEvent>): FeedEvent => ({
  position,
  kind,
  at,
  actor: "system",
  runId: null,
  ticketId: null,
  ...rest,
});
const opened = event(1, "ticket.opened", { ticketId, payload: { text: "冷氣漏水" } });
const queued = event(2, "run.queued", { ticketId, runId });
const started = event(3, "act.started", { actor: "agent:triage", ticketId, runId, payload: { act: 1 } });
const otherOpened = event(4, "ticket.opened", { ticketId: otherTicketId, payload: { text: "soap" } });
const done = event(5, "act.done", { actor: "agent:triage", ticketId, runId, payload: { act: 1, expires: true } });
const stopped = event(6, "server.stopped", {});

test("the feed gives sealed events after a position, filtered, and nothing that is not sealed", async (t) => {
  const { db } = await journal(t);
  await append(db, clock, [{ kind: "run.queued", actor: "system", ticketId, runId }]);
  const feed = (after: number, filter = {}, limit = 100) => readFeed(db, { after, limit, filter });
  assert.deepEqual(await feed(0), [opened, queued, started, otherOpened, done, stopped]);
  assert.deepEqual(await feed(2, {}, 2), [started, otherOpened]);
  assert.deepEqual(await feed(6), []);
  assert.deepEqual(await feed(1, { ticketId }), [queued, started, done]);
  assert.deepEqual(await feed(0, { ticketId }, 2), [opened, queued]);
  assert.deepEqual(await feed(0, { runId }), [queued, started, done]);
  assert.deepEqual(await feed(0, { ticketId, runId, kinds: ["act.done", "ticket.opened"] }), [done]);
  assert.deepEqual(await feed(0, { kinds: ["ticket.opened"] }), [opened, otherOpened]);
  assert.deepEqual(await feed(0, { kinds: [] }), []);
});

test("erasing a scope takes what was said and leaves that it was; the journal still verifies and says how many", async (t) => {
  const { db, signer } = await journal(t);
  assert.equal(await erasePayloads(db, clock, { scope: ticketId, actor: "prn_1" }), 3);
  assert.equal(await erasePayloads(db, clock, { scope: ticketId }), 0);
  await sealOnce(db, signer);
  const gone = ({ position, kind, actor, runId: run, ticketId: ticket }: FeedEvent): FeedEvent => ({
    position,
    kind,
    at,
    actor,
    runId: run,
    ticketId: ticket,
    erased: true,
  });
  const erased = event(7, "payload.erased", { actor: "prn_1", ticketId, payload: { count: 3, scope: ticketId } });
  assert.deepEqual(await readFeed(db, { after: 0, limit: 100 }), [gone(opened), queued, gone(started), otherOpened, gone(done), stopped, erased]);
  assert.deepEqual(await verifyJournal(db), { kind: "verified", events: 7, erased: 3, unsealed: 0, keyIds: [signer.keyId], trusted: false });
});

test("expired payloads are erased when their time is over, and not before", async (t) => {
  const { db, signer, advance } = await journal(t);
  assert.equal(await erasePayloads(db, clock, { expired: true }), 0);
  await advance(HOUR_MS);
  assert.equal(await erasePayloads(db, clock, { expired: true }), 1);
  await sealOnce(db, signer);
  assert.deepEqual(await readFeed(db, { after: 6, limit: 100 }), [event(7, "payload.erased", { payload: { count: 1, expired: true } })]);
});

test("an untouched journal verifies, against keys to trust as well", async (t) => {
  const { db, signer } = await journal(t);
  const verified = { kind: "verified", events: 6, erased: 0, unsealed: 0, keyIds: [signer.keyId] };
  assert.deepEqual(await verifyJournal(db), { ...verified, trusted: false });
  assert.deepEqual(await verifyJournal(db, { trustedKeys: [newSigner().publicKey, signer.publicKey] }), { ...verified, trusted: true });
  assert.deepEqual(await verifyJournal(db, { trustedKeys: [newSigner().publicKey] }), {
    kind: "broken",
    position: 6,
    what: `seals are signed by ${signer.keyId}, which is not among the trusted keys`,
  });
});

test("an empty journal verifies", async (t) => {
  const { db } = await testDatabase(t);
  assert.deepEqual(await verifyJournal(db), { kind: "verified", events: 0, erased: 0, unsealed: 0, keyIds: [], trusted: false });
});

const TAMPERINGS: readonly { readonly by: string; readonly position: number; readonly what: RegExp }[] = [
  { by: "update events set kind = 'act.done' where position = 3", position: 3, what: /column kind/ },
  { by: "update events set at = at + interval '1 microsecond' where position = 3", position: 3, what: /column at/ },
  { by: "update events set actor = 'agent:other' where position = 3", position: 3, what: /column actor/ },
  { by: "update events set run_id = null where position = 3", position: 3, what: /column run_id/ },
  { by: "update events set ticket_id = 'tkt_x' where position = 6", position: 6, what: /column ticket_id/ },
  { by: "update events set head = replace(head, 'triage', 'triagf'), actor = 'agent:triagf' where position = 3", position: 3, what: /hash does not follow/ },
  { by: "update events set hash = decode(repeat('00', 32), 'hex') where position = 3", position: 3, what: /hash does not follow/ },
  { by: "update payloads set body = '{\"text\":\"SOAP\"}' where body like '%soap%'", position: 4, what: /another payload/ },
  { by: "update payloads set body = null where body like '%soap%'", position: 4, what: /lost its payload/ },
  { by: "delete from payloads where body like '%soap%'", position: 4, what: /lost its payload/ },
  { by: "update payloads set erased_at = loop_now() where body like '%soap%'", position: 4, what: /marked erased and has/ },
  { by: "insert into payloads (event_id, body, scope) select id, '{}', 'x' from events where position = 6", position: 6, what: /had none/ },
  { by: "delete from events where position = 3", position: 3, what: /missing/ },
  { by: "delete from events where position = 6", position: 6, what: /missing/ },
  { by: "delete from events", position: 1, what: /missing/ },
  { by: "update events set position = position + 10 where position > 3", position: 4, what: /missing/ },
  { by: "update events set position = 99 - position where position in (2, 3)", position: 2, what: /missing/ },
  { by: "update journal_head set position = 5, hash = (select hash from events where position = 5)", position: 5, what: /beyond the head row/ },
  { by: "update journal_head set hash = decode(repeat('00', 32), 'hex')", position: 6, what: /head row has another hash/ },
  { by: "delete from journal_seals where position = 6", position: 6, what: /not covered by a seal/ },
  { by: "update journal_seals set at = at + interval '1 second' where position = 3", position: 3, what: /signature of the seal/ },
  {
    by: "update journal_seals set signature = set_byte(signature, 9, 255 - get_byte(signature, 9)) where position = 3",
    position: 3,
    what: /signature of the seal/,
  },
  { by: "update journal_seals set hash = decode(repeat('00', 32), 'hex') where position = 3", position: 3, what: /another hash/ },
  { by: "update journal_seals set key_id = 'sgn_x' where position = 3", position: 3, what: /not registered/ },
  { by: "insert into journal_seals select -1, hash, key_id, signature, at from journal_seals where position = 3", position: 6, what: /3 seals, of which 2/ },
  { by: "update signing_keys set revoked_at = created_at - interval '1 second'", position: 3, what: /after that key was revoked/ },
  { by: "update signing_keys set public_key = 'none'", position: 0, what: /not the key of that name/ },
];

test("whatever is changed in the tables is found, with its place", async (t) => {
  const { db } = await journal(t);
  for (const { by, position, what } of TAMPERINGS) {
    const found = await tampered(db, by);
    assert.equal(found.kind, "broken", by);
    assert.equal(found.kind === "broken" && found.position, position, by);
    assert.match(found.kind === "broken" ? found.what : "", what, by);
  }
  assert.equal((await verifyJournal(db)).kind, "verified");
});

/** What is found after the statement, which is then taken back. */
async function tampered(db: Db, statement: string) {
  const tx = await db.startTransaction().execute();
  await sql.raw(statement).execute(tx);
  const found = await verifyJournal(tx);
  await tx.rollback().execute();
  return found;
}
