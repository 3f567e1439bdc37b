import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { newId } from "#src/kernel/ids.ts";
import { begin, periodRows, testBudget, testRun } from "#src/ledger/store/ledger-fixture.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { sweepGateway } from "./gateway-leftovers.ts";

test("what a dead process left of its gateway is settled at its reservation and given back, and nothing of one that lives is touched", async (t) => {
  const { db, advance } = await testDatabase(t);
  const clock = heldClock();
  const budgets = [testBudget("all", { scope: { workspace: true }, period: "month", capUsd: 1 })];
  const dead = testRun(newId("gwy", clock.nowMs()), { agent: "gateway" });
  await begin(db, { run: dead, actId: "gwc_dead", nanos: 300 }, { budgets });
  await advance(3 * 3_600_000);
  clock.advance(3 * 3_600_000);
  const alive = testRun(newId("gwy", clock.nowMs()), { agent: "gateway" });
  await begin(db, { run: alive, actId: "gwc_alive", nanos: 500 }, { budgets });
  await sweepGateway(db, clock);
  const { rows } = await sql`select act_id, state, cost_nanos, source from ledger order by act_id`.execute(db);
  assert.deepEqual(rows, [
    { act_id: "gwc_alive", state: "reserved", cost_nanos: null, source: null },
    { act_id: "gwc_dead", state: "settled", cost_nanos: 300, source: "estimated" },
  ]);
  const { rows: open } = await sql<{ run_id: string }>`select run_id from allotments where not closed`.execute(db);
  assert.deepEqual(open, [{ run_id: alive.runId }]);
  assert.equal((await periodRows(db))[0]!.spent, 300);
});
