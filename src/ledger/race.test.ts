import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { releaseAllotment, returnAllotment } from "./allot.ts";
import { begin, bookTotals, deadlocks, periodRows, play, refuseOvergrant, settlementOf, testBudget, testRun, unbalanced } from "./store/ledger-fixture.ts";
import { settle } from "./store/settle.ts";

const USD = 1_000_000_000;
const RUNS = 100;
const names = Array.from({ length: RUNS }, (_, index) => `run_${String(index).padStart(3, "0")}`);

/** Numbers that look random and are the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) yield (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

test("a hundred runs at once never get more than one dollar granted, and spend all of it but less than one call", async (t) => {
  const { db } = await testDatabase(t);
  await refuseOvergrant(db);
  const budgets = [testBudget("dollar", { scope: { workspace: true }, period: "month", capUsd: 1 })];
  const nanos = 20_000_000;
  const random = numbers(7);
  const spend = async (runId: string): Promise<number> => {
    const run = testRun(runId);
    for (let calls = 0; ; calls += 1) {
      const outcome = await play(db, { run, actId: `${runId}_${calls}`, nanos, costNanos: Math.ceil(nanos * random.next().value) }, { budgets });
      if (outcome === null) return calls;
    }
  };
  const calls = await Promise.all(names.map(spend));
  assert.deepEqual(await unbalanced(db), []);
  await Promise.all(names.map((runId) => returnAllotment(db, runId)));
  const [period] = await periodRows(db);
  const spent = period!.spent;
  assert.deepEqual(await bookTotals(db), { calls: calls.reduce((a, b) => a + b), cost: spent, open: 0, granted: spent, spent });
  assert.ok(spent <= USD && spent > USD - nanos, `spent ${spent}`);
});

test("a hundred calls at once against the last dollar exceed it by what the provider bills beyond its maximum, and by nothing else", async (t) => {
  const { db } = await testDatabase(t);
  const budgets = [testBudget("dollar", { scope: { workspace: true }, period: "month", capUsd: 1 })];
  const begun = await Promise.all(names.map((runId) => begin(db, { run: testRun(runId), actId: runId, nanos: 30_000_000 }, { budgets })));
  const allowed = names.filter((_, index) => begun[index]);
  assert.equal(allowed.length, 33); // 33 × $0.03 = $0.99
  const outcomes = await Promise.all(allowed.map((runId, index) => settle(db, settlementOf(runId, index === 0 ? 50_000_000 : 30_000_000))));
  assert.equal(outcomes.filter((outcome) => outcome.kind === "settled" && outcome.overrunNanos === 20_000_000).length, 1);
  await Promise.all(names.map((runId) => returnAllotment(db, runId)));
  assert.deepEqual(await periodRows(db), [{ budget: "dollar", subject: "workspace", granted: 1_010_000_000, spent: 1_010_000_000 }]);
});

test("runs that share budgets in every mixture neither deadlock nor lose a nano", async (t) => {
  const { db } = await testDatabase(t);
  await refuseOvergrant(db);
  const keys = ["alpha", "beta", "gamma", "delta"];
  const budgets = keys.map((key) => testBudget(key, { scope: { label: key }, period: "day", capUsd: 0.2 }));
  const random = numbers(11);
  const mixture = (): Record<string, string> =>
    Object.fromEntries(keys.filter(() => random.next().value < 0.7).map((key) => [key, String(Math.floor(random.next().value * 2))]));
  const live = async (runId: string): Promise<void> => {
    for (let calls = 0; calls < 6; calls += 1) {
      const run = testRun(runId, { labels: mixture() }); // each call under other budgets: old and new periods are locked together
      const mixed = { budgets: random.next().value < 0.5 ? budgets : budgets.toReversed() };
      await play(db, { run, actId: `${runId}_${calls}`, nanos: 5_000_000, costNanos: 3_000_000 }, mixed);
      if (calls % 2 === 0) await releaseAllotment(db, runId);
    }
    await returnAllotment(db, runId);
  };
  await Promise.all(names.slice(0, 60).map(live));
  assert.equal(await deadlocks(db), 0);
  assert.deepEqual(await unbalanced(db), []);
  const { open, granted, spent } = await bookTotals(db);
  assert.deepEqual([open, granted], [0, spent]);
});
