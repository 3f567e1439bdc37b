import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";
import { testDatabase } from "#src/testing/database.ts";
import type { Lease } from "./lease.ts";
import { claim, claimBounded, isSuspect } from "./store/claim.ts";
import { setLanes } from "./store/lanes.ts";
import { abandon, park } from "./store/park.ts";
import { renew } from "./store/renew.ts";
import { fireTimers, setTimer } from "./store/timers.ts";
import { wake } from "./store/wake.ts";

const LEASE_MS = 10_000;
let made = 0;

async function insertRun(db: Db, lanes: readonly string[] = []): Promise<RunId> {
  const id = newId("run", 1_000_000 + (made += 1));
  await sql`
    insert into runs (id, agent, runner, procedure, state, limits, revision, lanes, due)
    values (${id}, 'a', 'rules', 'chat', 'queued', '{}', 1, ${lanes}::text[], loop_now())`.execute(db);
  return id;
}

const take = (db: Db, limit = 10, holder = "one"): Promise<Lease[]> => claim(db, { limit, holder, leaseMs: LEASE_MS });
const ids = (leases: readonly Lease[]): RunId[] => leases.map((lease) => lease.runId).toSorted();

test("E01: a wake inside a transaction that is open while the run is claimed and parked is seen after the commit", async (t) => {
  const { db } = await testDatabase(t);
  const runId = await insertRun(db);
  const [lease] = await take(db);
  const { promise: open, resolve: commit } = Promise.withResolvers<void>();
  const { promise: woken, resolve: sayWoken } = Promise.withResolvers<void>();
  const change = inTransaction(db, async (tx) => {
    await wake(tx, [runId]);
    sayWoken();
    await open;
  });
  await woken;
  const parking = park(db, lease!); // waits for the row that the open transaction has locked
  commit();
  await change;
  assert.equal(await parking, true);
  assert.deepEqual(ids(await take(db)), [runId]);
});

test("E02: a timer in an hour and a wake now: the wake is acted on now, and the timer stays", async (t) => {
  const { db, advance } = await testDatabase(t);
  const runId = await insertRun(db);
  const [lease] = await take(db);
  await setTimer(db, { runId, dueAtMs: systemClock.nowMs() + 3_600_000, cause: "wait" });
  await park(db, lease!);
  await wake(db, [runId]);
  const [again] = await take(db);
  assert.equal(again?.runId, runId);
  await park(db, again!);
  assert.deepEqual(await take(db), []);
  await advance(3_601_000);
  assert.deepEqual(await fireTimers(db), [runId]);
  assert.deepEqual(ids(await take(db)), [runId]);
  assert.deepEqual(await fireTimers(db), []);
});

test("E05: two processes that wake A then B, and B then A, at once, never meet a deadlock", async (t) => {
  const { db } = await testDatabase(t);
  const [a, b] = [await insertRun(db), await insertRun(db)];
  const waking = Array.from({ length: 40 }, (_, round) => inTransaction(db, (tx) => wake(tx, round % 2 === 0 ? [a, b] : [b, a])));
  assert.equal((await Promise.allSettled(waking)).filter((result) => result.status === "rejected").length, 0);
  const { rows } = await sql<{ wake: number }>`select wake from runs`.execute(db);
  assert.deepEqual(rows, [{ wake: 40 }, { wake: 40 }]);
});

test("E06: a renewer that races a park never revives the parked run", async (t) => {
  const { db } = await testDatabase(t);
  await insertRun(db);
  const [lease] = await take(db);
  await Promise.all([park(db, lease!), renew(db, [lease!], LEASE_MS), renew(db, [lease!], LEASE_MS)]);
  const { rows } = await sql<{ holder: string | null; due: Date | null }>`select holder, due from runs`.execute(db);
  assert.deepEqual(rows, [{ holder: null, due: null }]);
  assert.equal((await renew(db, [lease!], LEASE_MS)).size, 0);
});

test("a lease that ran out is taken over, and whoever held it can neither renew nor park", async (t) => {
  const { db, advance } = await testDatabase(t);
  const runId = await insertRun(db);
  const [old] = await take(db);
  assert.deepEqual(await take(db, 10, "two"), []);
  await advance(LEASE_MS + 1);
  const [lease] = await take(db, 10, "two");
  assert.deepEqual({ runId: lease!.runId, fence: lease!.fence, tries: lease!.tries }, { runId, fence: old!.fence + 1, tries: 2 });
  assert.equal((await renew(db, [old!], LEASE_MS)).size, 0);
  assert.equal(await park(db, old!), false);
  assert.equal(await abandon(db, old!, { pauseMs: 0, counts: true }), false);
  assert.deepEqual(await renew(db, [lease!], LEASE_MS), new Set([runId]));
});

test("runs that were claimed twice in vain are claimed one at a time, and keep nobody else back", async (t) => {
  const { db, advance } = await testDatabase(t);
  for (let index = 0; index < 3; index += 1) await insertRun(db);
  for (let time = 0; time < 2; time += 1) {
    assert.equal((await claim(db, { limit: 10, suspects: 1, holder: "one", leaseMs: LEASE_MS })).length, 3);
    await advance(LEASE_MS + 1);
  }
  const fresh = await insertRun(db);
  const [first, ...others] = await claim(db, { limit: 10, suspects: 1, holder: "one", leaseMs: LEASE_MS });
  assert.deepEqual([first, ...others].filter((lease) => isSuspect(lease!)).length, 1);
  assert.deepEqual(await claim(db, { limit: 10, suspects: 0, holder: "one", leaseMs: LEASE_MS }), []);
  const suspect = [first!, ...others].find(isSuspect)!;
  assert.notEqual(suspect.runId, fresh);
  await park(db, suspect);
  assert.equal((await claim(db, { limit: 10, suspects: 1, holder: "one", leaseMs: LEASE_MS })).length, 1);
});

test("many processes claiming at once never hold one run twice", async (t) => {
  const { db } = await testDatabase(t);
  const all = await Promise.all(Array.from({ length: 30 }, () => insertRun(db)));
  const claims = await Promise.all(Array.from({ length: 10 }, (_, process) => take(db, 7, `process ${process}`)));
  const rest = await take(db, 30);
  assert.deepEqual(ids([...claims.flat(), ...rest]), all.toSorted());
});

test("a bound on a lane is never exceeded, and other runs go past it", async (t) => {
  const { db } = await testDatabase(t);
  await inTransaction(db, (tx) => setLanes(tx, [{ name: "agent:a", maxRunning: 2 }]));
  for (let count = 0; count < 5; count += 1) await insertRun(db, ["agent:a"]);
  const free = await insertRun(db);
  const bounded = await Promise.all(Array.from({ length: 5 }, (_, process) => claimBounded(db, { holder: `process ${process}`, leaseMs: LEASE_MS })));
  const got = bounded.filter((lease) => lease !== undefined);
  assert.equal(got.length, 2);
  assert.deepEqual(ids(await take(db)), [free]);
  await park(db, got[0]!);
  assert.notEqual(await claimBounded(db, { holder: "next", leaseMs: LEASE_MS }), undefined);
});

test("an ended or paused run is not made due by a wake or a timer", async (t) => {
  const { db } = await testDatabase(t);
  const [ended, paused] = [await insertRun(db), await insertRun(db)];
  await sql`update runs set state = 'done', ended_at = loop_now(), due = null where id = ${ended}`.execute(db);
  await sql`update runs set state = 'paused', due = null where id = ${paused}`.execute(db);
  await setTimer(db, { runId: paused, dueAtMs: 0, cause: "wait" });
  await wake(db, [ended, paused]);
  await fireTimers(db);
  assert.deepEqual(await take(db), []);
});
