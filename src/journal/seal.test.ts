import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { BATCH_EVENTS, sealBatch, sealOnce } from "./seal.ts";
import { type Signer, signerOf } from "./signing.ts";
import { append } from "./store/append.ts";
import { readFeed } from "./store/feed.ts";
import { registerKey } from "./store/keys.ts";
import { verifyJournal } from "./verify.ts";

const clock = heldClock();

async function journal(t: TestContext): Promise<{ db: Db; signer: Signer }> {
  const { db } = await testDatabase(t);
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(db, { ...signer, host: "here" });
  return { db, signer };
}

const say = (db: Db | Transaction, kind: string, payload: Record<string, string> = {}) => append(db, clock, [{ kind, actor: "system", payload }]);

async function order(db: Db): Promise<string[]> {
  return (await readFeed(db, { after: 0, limit: 10_000 })).map((event) => event.kind);
}

test("an open transaction holds up its own events and nobody else's", async (t) => {
  const { db, signer } = await journal(t);
  const [first, middle, last] = await Promise.all([db.startTransaction().execute(), db.startTransaction().execute(), db.startTransaction().execute()]);
  await say(first, "first.said");
  await say(middle, "middle.said");
  await say(last, "last.said");
  await first.commit().execute();
  await last.commit().execute();
  assert.deepEqual(await sealOnce(db, signer), { sealed: 2, position: 2, busy: false });
  assert.deepEqual(await order(db), ["first.said", "last.said"]);
  await middle.commit().execute();
  assert.deepEqual(await sealOnce(db, signer), { sealed: 1, position: 3, busy: false });
  assert.deepEqual(await order(db), ["first.said", "last.said", "middle.said"]);
});

test("an effect is never sealed before its cause, whichever transactions are open around them", async (t) => {
  const { db, signer } = await journal(t);
  const early = await db.startTransaction().execute();
  await say(early, "early.opened"); // takes a lower id than the cause, and commits last
  const cause = await db.startTransaction().execute();
  await say(cause, "cause.said");
  assert.deepEqual(await sealOnce(db, signer), { sealed: 0, position: 0, busy: false });
  await cause.commit().execute();
  await say(db, "effect.said");
  await early.commit().execute();
  await say(db, "effect.of_both");
  assert.deepEqual(await sealOnce(db, signer), { sealed: 4, position: 4, busy: false });
  assert.deepEqual(await order(db), ["early.opened", "cause.said", "effect.said", "effect.of_both"]);
});

test("under many writers and sealers every event gets one position, without gaps, and causes come first", async (t) => {
  const { db, signer } = await journal(t);
  let writing = 8;
  const writer = async (name: number): Promise<void> => {
    for (let turn = 0; turn < 25; turn += 1) {
      await db.transaction().execute(async (tx) => {
        const { rows } = await sql<{ id: number }>`select id from events order by id desc limit 1 offset ${name % 3}`.execute(tx);
        await append(tx, clock, [{ kind: "act.done", actor: `agent:${name}`, payload: { cause: rows[0]?.id ?? null } }]);
      });
    }
    writing -= 1;
  };
  const sealer = async (): Promise<void> => {
    do await sealOnce(db, signer);
    while (writing > 0);
  };
  await Promise.all([...Array(8).keys()].map(writer).concat(sealer(), sealer()));
  await sealOnce(db, signer);
  const { rows } = await sql<{ count: number; last: number; reversed: number }>`
    select count(*), max(e.position) as last,
      count(*) filter (where e.position < (select c.position from events c where c.id = (p.body::jsonb ->> 'cause')::bigint)) as reversed
    from events e join payloads p on p.event_id = e.id`.execute(db);
  assert.deepEqual(rows, [{ count: 200, last: 200, reversed: 0 }]);
  assert.deepEqual(await verifyJournal(db), { kind: "verified", events: 200, erased: 0, unsealed: 0, keyIds: [signer.keyId], trusted: false });
});

test("a second sealer does not wait for the first", async (t) => {
  const { db, signer } = await journal(t);
  await say(db, "run.queued");
  const first = await db.startTransaction().execute();
  assert.deepEqual(await sealBatch(first, signer), { sealed: 1, position: 1, busy: false });
  assert.deepEqual(await sealOnce(db, signer), { sealed: 0, position: 0, busy: true });
  const { rows } = await sql<{ limit: string }>`select current_setting('idle_in_transaction_session_timeout') as limit`.execute(first);
  assert.deepEqual(rows, [{ limit: "5s" }]); // a sealer that hangs is cut off
  await first.commit().execute();
  assert.deepEqual(await sealOnce(db, signer), { sealed: 0, position: 1, busy: false });
});

test("a sealer that is killed in the middle of a batch leaves nothing of it, and the next one goes on", async (t) => {
  const { db, signer } = await journal(t);
  await say(db, "run.queued");
  await sealOnce(db, signer);
  await say(db, "run.started");
  const killed = db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
    assert.deepEqual(await sealBatch(tx, signer), { sealed: 1, position: 2, busy: false });
    await sql`select pg_terminate_backend(${rows[0]!.pid}, 5000)`.execute(db);
  });
  await assert.rejects(killed);
  assert.deepEqual(await sealOnce(db, signer), { sealed: 1, position: 2, busy: false });
  assert.equal((await verifyJournal(db)).kind, "verified");
});

test("more events than a batch are sealed batch by batch, one seal each", async (t) => {
  const { db, signer } = await journal(t);
  await append(
    db,
    clock,
    Array.from({ length: BATCH_EVENTS + 7 }, (_, index) => ({ kind: "sensor.read", actor: "system", payload: { index } })),
  );
  assert.deepEqual(await sealOnce(db, signer), { sealed: BATCH_EVENTS, position: BATCH_EVENTS, busy: false });
  assert.deepEqual(await sealOnce(db, signer), { sealed: 7, position: BATCH_EVENTS + 7, busy: false });
  const { rows } = await sql<{ position: number }>`select position from journal_seals order by position`.execute(db);
  assert.deepEqual(rows, [{ position: BATCH_EVENTS }, { position: BATCH_EVENTS + 7 }]);
  const feed = await readFeed(db, { after: 0, limit: BATCH_EVENTS + 7 });
  assert.deepEqual(
    feed.map((event) => event.payload),
    Array.from({ length: BATCH_EVENTS + 7 }, (_, index) => ({ index })),
  );
});

test("when the clocks step backwards the order of the journal stays that of the commits, and it verifies", async (t) => {
  const database = await testDatabase(t);
  const { db } = database;
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(db, { ...signer, host: "here" });
  const stepping = heldClock();
  const kinds = ["one.said", "two.said", "three.said", "four.said"];
  for (const kind of kinds) {
    await append(db, stepping, [{ kind, actor: "system" }]);
    stepping.advance(-3_600_000);
    if (kind !== "two.said") await sealOnce(db, signer);
    await database.advance(-3_600_000);
  }
  assert.deepEqual(await order(db), kinds);
  assert.equal((await verifyJournal(db)).kind, "verified");
});

test("nothing is sealed with a key that is revoked or was never registered", async (t) => {
  const { db } = await testDatabase(t);
  await say(db, "run.queued");
  await assert.rejects(sealOnce(db, signerOf(generateKeyPairSync("ed25519").privateKey)), { code: "signing_key_unusable" });
  assert.deepEqual(await order(db), []);
});
