import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { Log } from "#src/kernel/log.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Sealer, startSealer } from "./sealer.ts";
import { type Signer, signerOf } from "./signing.ts";
import { append } from "./store/append.ts";
import { lastPosition } from "./store/feed.ts";
import { registerKey } from "./store/keys.ts";

const clock = heldClock();
const NEVER_MS = 2 ** 30;

const newSigner = (): Signer => signerOf(generateKeyPairSync("ed25519").privateKey);

async function journal(t: TestContext): Promise<{ db: Db; signer: Signer }> {
  const { db } = await testDatabase(t);
  const signer = newSigner();
  await registerKey(db, { ...signer, host: "here" });
  return { db, signer };
}

/** What was said, in order, with a way to wait for the next. */
function queue<T>(): { put: (value: T) => void; next: () => Promise<T> } {
  const said: T[] = [];
  let tell: (() => void) | undefined;
  return {
    put: (value) => {
      said.push(value);
      tell?.();
    },
    next: async () => {
      while (said.length === 0) await new Promise<void>((resolve) => (tell = resolve));
      return said.shift()!;
    },
  };
}

const say = (db: Db) => append(db, clock, [{ kind: "run.queued", actor: "system" }]);

test("a sealer seals what it finds at its start, and then at each hint", async (t) => {
  const { db, signer } = await journal(t);
  await say(db);
  const sealed = queue<number>();
  let wake = (): void => undefined;
  let subscribed = true;
  const hint = (given: () => void) => {
    wake = given;
    return () => void (subscribed = false);
  };
  const sealer = startSealer({ db, signer, log: silentLog, hint, pollMs: NEVER_MS, onSealed: sealed.put });
  assert.equal(await sealed.next(), 1);
  for (const position of [2, 3, 4]) {
    await say(db);
    wake();
    assert.equal(await sealed.next(), position);
  }
  await sealer.stop();
  assert.equal(subscribed, false);
  await sealer.stop();
});

test("a hint that comes while a batch is written is not lost", async (t) => {
  const { db, signer } = await journal(t);
  const sealed = queue<number>();
  let wake = (): void => undefined;
  let late: Promise<unknown> | undefined;
  const busy: Signer = {
    ...signer,
    sign(bytes) {
      late ??= say(db).then(() => wake()); // is committed after this batch has read what there is
      return signer.sign(bytes);
    },
  };
  await say(db);
  const sealer = startSealer({ db, signer: busy, log: silentLog, hint: (given) => ((wake = given), () => undefined), pollMs: NEVER_MS, onSealed: sealed.put });
  assert.deepEqual([await sealed.next(), await sealed.next()], [1, 2]);
  await sealer.stop();
});

test("a failure is logged and tried again", async (t) => {
  const { db, signer } = await journal(t);
  const logged = queue<string>();
  const sealed = queue<number>();
  const log: Log = { ...silentLog, error: (message) => logged.put(message) };
  let broken = true;
  const moody: Signer = {
    ...signer,
    sign(bytes) {
      if (broken) throw new Error("no");
      return signer.sign(bytes);
    },
  };
  await say(db);
  const sealer = startSealer({ db, signer: moody, log, pollMs: NEVER_MS, onSealed: sealed.put });
  assert.equal(await logged.next(), "the journal could not be sealed; it is tried again");
  assert.equal(await lastPosition(db), 0);
  broken = false;
  assert.equal(await sealed.next(), 1);
  await sealer.stop();
});

test("of two sealers one works at a time, and what both were told of is sealed once", async (t) => {
  const { db, signer } = await journal(t);
  const wakes: (() => void)[] = [];
  const sealed = queue<number>();
  const start = (): Sealer =>
    startSealer({ db, signer, log: silentLog, hint: (wake) => (wakes.push(wake), () => undefined), pollMs: NEVER_MS, onSealed: sealed.put });
  const sealers = [start(), start()];
  let last = 0;
  for (let count = 1; count <= 20; count += 1) {
    await say(db);
    for (const wake of wakes) wake();
  }
  while (last < 20) last = await sealed.next();
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  const { rows } = await sql<{ count: number; last: number }>`select count(*), max(position) as last from events`.execute(db);
  assert.deepEqual(rows, [{ count: 20, last: 20 }]);
});
