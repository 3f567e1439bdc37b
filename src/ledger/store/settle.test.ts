import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type TestDatabase, testDatabase } from "#src/testing/database.ts";
import { returnAllotment } from "../allot.ts";
import { begin, emptyLedger, periodRows, play, reservationOf, settlementOf, testBudget, testRun, unbalanced } from "./ledger-fixture.ts";
import { settleLate } from "./correct.ts";
import { reserve, reserveFragment } from "./reserve.ts";
import { recordSelfReported } from "./self-report.ts";
import { lostAttempt, settle, settleFragment } from "./settle.ts";

const run = testRun("run_1", { ticketId: "tkt_1", labels: { property: "casa" } });
const budgets = [testBudget("day", { scope: { workspace: true }, period: "day", capUsd: 1, capTokens: 10_000 })];
const tokens = { input: 100, cached: 40, output: 20, reasoning: 5 };
const call = { run, actId: "act_1", nanos: 4_000, tokens: 500 };

async function ledgerRow(db: Db, actId = "act_1"): Promise<unknown> {
  const { rows } = await sql`
    select run_id, ticket_id, agent, labels, tier, model, priced_as, reserved_nanos, reserved_tokens, cost_nanos, list_nanos,
      input_tokens, cached_tokens, output_tokens, reasoning_tokens, source, state from ledger where act_id = ${actId}`.execute(db);
  return rows[0];
}

async function allotmentRow(db: Db): Promise<unknown> {
  const { rows } = await sql`select reserved_nanos, reserved_tokens, spent_nanos, spent_tokens, unknown_calls, closed from allotments`.execute(db);
  return rows[0];
}

const reservedRow = {
  run_id: "run_1",
  ticket_id: "tkt_1",
  agent: "desk",
  labels: { property: "casa" },
  tier: "fast",
  model: "one:m",
  priced_as: "one:m",
  reserved_nanos: 4_000,
  reserved_tokens: 500,
  cost_nanos: null,
  list_nanos: null,
  source: null,
  state: "reserved",
  input_tokens: null,
  cached_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
};

test("reserving and settling", async (t) => {
  const database = await testDatabase(t);
  const check = (name: string, body: (database: TestDatabase) => Promise<void>) =>
    t.test(name, async () => {
      await emptyLedger(database.db);
      await body(database);
    });

  check("a reservation writes the attempt with everything it is attributed to, and its settlement what it cost, once", async ({ db }) => {
    await begin(db, call, { budgets });
    assert.deepEqual(await ledgerRow(db), reservedRow);
    assert.deepEqual(await allotmentRow(db), { reserved_nanos: 4_000, reserved_tokens: 500, spent_nanos: 0, spent_tokens: 0, unknown_calls: 0, closed: false });
    const settlement = settlementOf("act_1", 3_000, { listNanos: 3_500, model: "one:m-2", pricedAs: "one:m-1", tokens });
    assert.deepEqual(await settle(db, settlement), { kind: "settled", overrunNanos: 0, overrunTokens: 0, draining: false });
    assert.deepEqual(await settle(db, { ...settlement, costNanos: 9 }), { kind: "alreadySettled" });
    assert.deepEqual(await ledgerRow(db), {
      ...reservedRow,
      model: "one:m-2",
      priced_as: "one:m-1",
      cost_nanos: 3_000,
      list_nanos: 3_500,
      source: "measured",
      state: "settled",
      input_tokens: 100,
      cached_tokens: 40,
      output_tokens: 20,
      reasoning_tokens: 5,
    });
    assert.deepEqual(await allotmentRow(db), { reserved_nanos: 0, reserved_tokens: 0, spent_nanos: 3_000, spent_tokens: 120, unknown_calls: 0, closed: false });
  });

  check("the same attempt cannot be reserved twice, and a refused one leaves no row", async ({ db }) => {
    await begin(db, call, { budgets, sliceTokens: 1_000 });
    await assert.rejects(reserve(db, reservationOf(call)), /ledger_pkey/);
    assert.equal(await reserve(db, reservationOf({ ...call, actId: "act_2", nanos: 999_999_999_999 })), false);
    assert.equal(await ledgerRow(db, "act_2"), undefined);
  });

  check("as members of a larger statement both follow its conditions", async ({ db }) => {
    await begin(db, call, { budgets, sliceTokens: 1_000 });
    const fenced = async (fence: number) => {
      const { rows } = await sql<{ run_id: string }>`
        with fenced as (select 1 where ${fence}::int = 7), ${reserveFragment(reservationOf({ ...call, actId: "act_2" }), sql`exists (select from fenced)`)}
        select run_id from reserve`.execute(db);
      return rows.length;
    };
    assert.deepEqual([await fenced(6), await fenced(7)], [0, 1]);
    const { rows } = await sql`with ${settleFragment(settlementOf("act_2", 5_000))} select overrun_nanos, overrun_tokens, draining from settle`.execute(db);
    assert.deepEqual(rows, [{ overrun_nanos: 1_000, overrun_tokens: 0, draining: false }]);
  });

  check("an unknown cost stays unknown in the ledger and takes its reservation from the budgets", async ({ db }) => {
    await begin(db, call, { budgets });
    await settle(db, settlementOf("act_1", null, { tokens: { input: null, cached: null, output: null, reasoning: null } }));
    assert.equal(((await ledgerRow(db)) as { cost_nanos: null }).cost_nanos, null);
    assert.deepEqual(await allotmentRow(db), { reserved_nanos: 0, reserved_tokens: 0, spent_nanos: 4_000, spent_tokens: 500, unknown_calls: 1, closed: false });
  });

  check("a lost attempt is estimated at its reservation, and what was measured late takes its place", async ({ db }) => {
    await begin(db, call, { budgets });
    await settle(db, lostAttempt("act_1", 1));
    assert.deepEqual(await ledgerRow(db), { ...reservedRow, cost_nanos: 4_000, list_nanos: 4_000, source: "estimated", state: "settled" });
    await returnAllotment(db, "run_1");
    assert.deepEqual(await settleLate(db, settlementOf("act_1", 2_500, { tokens })), { kind: "settled", overrunNanos: 0, overrunTokens: 0, draining: true });
    assert.deepEqual(await settleLate(db, settlementOf("act_1", 9)), { kind: "alreadySettled" });
    await returnAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 2_500, spent: 2_500 }]);
    assert.deepEqual(await unbalanced(db), []);
  });

  check("a lost attempt of a model without a price is of unknown cost", async ({ db }) => {
    await begin(db, { ...call, nanos: null }, { budgets: [] });
    await settle(db, lostAttempt("act_1", 1));
    assert.deepEqual(await ledgerRow(db), { ...reservedRow, priced_as: null, reserved_nanos: 0, source: "estimated", state: "settled" });
  });

  check("what a tool says it cost is marked as such and counts against the budgets of its run", async ({ db }) => {
    await play(db, { run, actId: "act_0", nanos: 1_000, costNanos: 1_000 }, { budgets });
    const report = { ...run, actId: "act_1", attempt: 1, tier: null, model: null, costNanos: 7_000, tokens };
    assert.deepEqual(await recordSelfReported(db, report), { kind: "settled", overrunNanos: 7_000, overrunTokens: 120, draining: false });
    assert.deepEqual(await recordSelfReported(db, report), { kind: "alreadySettled" });
    assert.deepEqual(await recordSelfReported(db, { ...report, actId: "act_2", runId: null }), {
      kind: "settled",
      overrunNanos: 0,
      overrunTokens: 0,
      draining: false,
    });
    await begin(db, { ...call, actId: "act_3" }, { budgets });
    assert.deepEqual(await recordSelfReported(db, { ...report, actId: "act_3" }), { kind: "settled", overrunNanos: 3_000, overrunTokens: 0, draining: false });
    await returnAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 15_000, spent: 15_000 }]);
    assert.equal(((await ledgerRow(db)) as { source: string }).source, "self-reported");
  });
});
