import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { testDatabase } from "#src/testing/database.ts";
import { returnAllotment } from "../allot.ts";
import { begin, ensure, reservationOf, settlementOf, testBudget, testRun } from "./ledger-fixture.ts";
import { refreshAllotments } from "./open-allotments.ts";
import { reserve } from "./reserve.ts";
import { settle } from "./settle.ts";

const NONE = { budgets: [] };

test("where no budget applies the first reservation makes the allotment, and many at once are all counted", async (t) => {
  const { db } = await testDatabase(t);
  const run = testRun("run_a");
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, n) => reserve(db, { ...reservationOf({ run, actId: `act_${n}`, nanos: n === 0 ? null : 10, tokens: 3 }), opens: true })),
  );
  assert.deepEqual(new Set(made), new Set([true]));
  const { rows } =
    await sql`select periods, reserved_nanos as nanos, reserved_tokens as tokens, limited_nanos or limited_tokens as limited from allotments`.execute(db);
  assert.deepEqual(rows, [{ periods: [], nanos: 110, tokens: 36, limited: false }]);
  await settle(db, settlementOf("act_1", 4));
  await returnAllotment(db, "run_a");
  assert.equal(await reserve(db, { ...reservationOf({ run, actId: "act_late", nanos: 1 }), opens: true }), false, "it was returned for good");
});

test("an allotment that counts against a budget, or whose budgets have changed, is not opened past them", async (t) => {
  const { db } = await testDatabase(t);
  const run = testRun("run_a");
  const budgets = [testBudget("all", { scope: { workspace: true }, period: "month", capUsd: 0.000_001 })];
  assert.equal(await begin(db, { run, actId: "act_1", nanos: 900 }, { budgets }), true);
  const more = { ...reservationOf({ run, actId: "act_2", nanos: 900 }), opens: true };
  assert.equal(await reserve(db, more), false, "a budget counts it");
  assert.equal((await ensure(db, { run, actId: "act_2", nanos: 900 }, NONE)).kind, "granted");
  assert.equal(await reserve(db, more), true, "the budget is gone, and the run asked");
  await refreshAllotments(db);
  const third = { ...reservationOf({ run, actId: "act_3", nanos: 900 }), opens: true };
  assert.equal(await reserve(db, third), false, "budgets have changed since");
  assert.equal((await ensure(db, { run, actId: "act_3", nanos: 900 }, NONE)).kind, "granted");
  assert.equal(await reserve(db, third), true);
});
