import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestDatabase, testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { inTransaction } from "#src/database/open.ts";
import { applicableBudgets } from "./budgets.ts";
import { allotModelCall, releaseAllotment, returnAllotment } from "./allot.ts";
import {
  begin,
  databaseNowMs,
  emptyLedger,
  ensure,
  periodRows,
  play,
  reservationOf,
  settlementOf,
  testBudget,
  testRun,
  unbalanced,
} from "./store/ledger-fixture.ts";
import { createPriceList } from "./prices.ts";
import { lockScope } from "./store/seat.ts";
import { openAllotments, refreshAllotments } from "./store/open-allotments.ts";
import { reserve } from "./store/reserve.ts";
import { settle } from "./store/settle.ts";

const DAY_MS = 86_400_000;
const run = testRun("run_1");
const perDay = testBudget("day", { scope: { workspace: true }, period: "day", capUsd: 1 }); // 1,000,000,000 nanos
const budgets = [perDay];
const USD = 1_000_000_000;

test("allotments", async (t) => {
  const database = await testDatabase(t);
  const check = (name: string, body: (database: TestDatabase) => Promise<void>) =>
    t.test(name, async () => {
      await emptyLedger(database.db);
      await body(database);
    });

  check("a run without budgets may spend without asking again, whatever the price", async ({ db }) => {
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_0", nanos: 5 })), false);
    assert.deepEqual(await ensure(db, { run, actId: "act_0", nanos: null, tokens: 7 }, { budgets: [] }), {
      kind: "granted",
      reserve: { nanos: null, tokens: 7 },
      warned: [],
    });
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_1", nanos: 900 * USD, tokens: 1_000_000 })), true);
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_2", nanos: null })), true);
  });

  check("a slice is a hundredth of the cap, at least one call, and calls reserve from it without touching the budget", async ({ db }) => {
    assert.deepEqual(await ensure(db, { run, actId: "act_1", nanos: 4_000_000 }, { budgets }), {
      kind: "granted",
      reserve: { nanos: 4_000_000, tokens: 0 },
      warned: [],
    });
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 10_000_000, spent: 0 }]);
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_1", nanos: 4_000_000 })), true);
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_2", nanos: 6_000_000 })), true);
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_3", nanos: 1 })), false);
    await ensure(db, { run, actId: "act_3", nanos: 50_000_000 }, { budgets });
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 60_000_000, spent: 0 }]);
    await ensure(db, { run: testRun("run_2"), actId: "act_4", nanos: 5 }, { budgets, sliceNanos: 20_000_000 });
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 80_000_000, spent: 0 }]);
  });

  check("a call that the slice covers waits for nobody", async ({ db }) => {
    await ensure(db, { run, actId: "act_1", nanos: 5_000 }, { budgets });
    const { nowMs, timeZone } = { nowMs: await databaseNowMs(db), timeZone: "UTC" };
    await inTransaction(db, async (tx) => {
      await lockScope(tx, applicableBudgets(budgets, run, { nowMs, timeZone })[0]!.id);
      assert.deepEqual(await ensure(db, { run, actId: "act_1", nanos: 5_000 }, { budgets }), {
        kind: "granted",
        reserve: { nanos: 5_000, tokens: 0 },
        warned: [],
      });
    });
  });

  check("a cap in another unit holds from the next call on", async ({ db }) => {
    const inTokens = testBudget("day", { scope: { workspace: true }, period: "day", capTokens: 1_000 });
    await ensure(db, { run, actId: "act_1", nanos: null, tokens: 5 }, { budgets: [inTokens] });
    assert.equal((await ensure(db, { run, actId: "act_1", nanos: null, tokens: 5 }, { budgets })).kind, "unpriced");
    assert.equal((await ensure(db, { run, actId: "act_1", nanos: USD + 1, tokens: 5 }, { budgets })).kind, "over");
  });

  check("near the cap a slice shrinks to one call", async ({ db }) => {
    await ensure(db, { run, actId: "a", nanos: 999_999_000 }, { budgets });
    await ensure(db, { run: testRun("run_2"), actId: "b", nanos: 500 }, { budgets });
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 999_999_500, spent: 0 }]);
  });

  check("at the end of a run what it did not use goes back and what it spent stays with every budget", async ({ db }) => {
    const two = [perDay, testBudget("desk", { scope: { agent: "desk" }, period: "month", capUsd: 5 })];
    await play(db, { run, actId: "act_1", nanos: 4_000_000, costNanos: 1_500_000 }, { budgets: two });
    assert.deepEqual(await unbalanced(db), []);
    await returnAllotment(db, "run_1");
    await returnAllotment(db, "run_1");
    assert.deepEqual(
      new Set((await periodRows(db)).map(({ budget, granted, spent }) => `${budget} ${granted} ${spent}`)),
      new Set(["day 1500000 1500000", "desk 1500000 1500000"]),
    );
    assert.deepEqual(await openAllotments(db, "", 10), []);
  });

  check("a run that has ended gets nothing more", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: 4, costNanos: 4 }, { budgets });
    await returnAllotment(db, "run_1");
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_2", nanos: 1 })), false);
    assert.deepEqual(await ensure(db, { run, actId: "act_2", nanos: 1 }, { budgets }), { kind: "closed" });
  });

  check("a call that ends after its run has ended still reaches the budget", async ({ db }) => {
    await begin(db, { run, actId: "act_1", nanos: 4_000 }, { budgets });
    await returnAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 4_000, spent: 0 }]);
    assert.deepEqual(await ensure(db, { run, actId: "act_2", nanos: 1 }, { budgets }), { kind: "closed" });
    assert.deepEqual(await openAllotments(db, "", 10), ["run_1"]);
    assert.deepEqual(await settle(db, settlementOf("act_1", 2_500)), { kind: "settled", overrunNanos: 0, overrunTokens: 0, draining: true });
    await returnAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 2_500, spent: 2_500 }]);
    assert.deepEqual(await openAllotments(db, "", 10), []);
  });

  check("a run that waits gives its slice back and gets a new one for its next call", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: 4_000, costNanos: 4_000 }, { budgets });
    await releaseAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 4_000, spent: 4_000 }]);
    assert.notEqual(await play(db, { run, actId: "act_2", nanos: 4_000, costNanos: 1_000 }, { budgets }), null);
    await returnAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 5_000, spent: 5_000 }]);
  });

  check("a call over the cap is a value that says which budget, what is spent, what is out and when it starts anew", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: 700_000_000, costNanos: 600_000_000 }, { budgets });
    await begin(db, { run: testRun("run_2"), actId: "act_2", nanos: 300_000_000 }, { budgets });
    const resetsAtMs = (Math.floor((await databaseNowMs(db)) / DAY_MS) + 1) * DAY_MS;
    assert.deepEqual(await ensure(db, { run, actId: "act_3", nanos: 100_000_001 }, { budgets }), {
      kind: "over",
      budget: "day",
      subject: "workspace",
      onReach: "block",
      unit: "nanos",
      resetsAtMs,
      capNanos: USD,
      spentNanos: 600_000_000,
      reservedNanos: 300_000_000,
      mayClear: true,
      roomNanos: 100_000_000,
      capTokens: null,
      spentTokens: 0,
      reservedTokens: 0,
      roomTokens: null,
    });
    assert.equal((await ensure(db, { run, actId: "act_3", nanos: 100_000_000 }, { budgets })).kind, "granted");
    assert.deepEqual(await unbalanced(db), []);
  });

  check(
    "a refused call may fit when those that are out come back, unless what is spent leaves too little or they have been out for long",
    async ({ db, advance }) => {
      await play(db, { run, actId: "act_1", nanos: 700_000_000, costNanos: 600_000_000 }, { budgets });
      await begin(db, { run: testRun("run_2"), actId: "act_2", nanos: 300_000_000 }, { budgets });
      const mayClear = async (nanos: number): Promise<unknown> => {
        const result = await ensure(db, { run, actId: "act_3", nanos }, { budgets });
        return result.kind === "over" && result.mayClear;
      };
      assert.deepEqual([await mayClear(400_000_000), await mayClear(400_000_001)], [true, false]);
      await advance(6 * 60_000);
      assert.equal(await mayClear(400_000_000), false);
    },
  );

  check("the narrowest of several budgets decides, and a refused call leaves none of them changed", async ({ db }) => {
    const both = [perDay, testBudget("run", { scope: { each: "run" }, period: "run", capUsd: 0.001 })];
    const result = await ensure(db, { run, actId: "act_1", nanos: 1_000_001 }, { budgets: both });
    assert.deepEqual([result.kind, "budget" in result && result.budget, "resetsAtMs" in result && result.resetsAtMs], ["over", "run", null]);
    assert.deepEqual(
      (await periodRows(db)).map(({ granted }) => granted),
      [0, 0],
    );
  });

  check("slices that other runs hold unused are taken back before a call is refused", async ({ db }) => {
    const idle = testRun("run_idle");
    await play(db, { run: idle, actId: "act_1", nanos: 900_000_000, costNanos: 100_000_000 }, { budgets });
    assert.equal((await ensure(db, { run, actId: "act_2", nanos: 900_000_000 }, { budgets })).kind, "granted");
    assert.deepEqual(await unbalanced(db), []);
    assert.equal(await reserve(db, reservationOf({ run: idle, actId: "act_3", nanos: 1 })), false);
  });

  check("when a day ends the run moves: what it spent stays with that day, its calls that are out count in the new one", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: 4_000, costNanos: 3_000 }, { budgets });
    await begin(db, { run, actId: "act_2", nanos: 2_000 }, { budgets });
    await database.advance(DAY_MS);
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_3", nanos: 1 })), false);
    assert.equal(await begin(db, { run, actId: "act_3", nanos: 5_000 }, { budgets, sliceNanos: 0 }), true);
    assert.deepEqual(await periodRows(db), [
      { budget: "day", subject: "workspace", granted: 3_000, spent: 3_000 },
      { budget: "day", subject: "workspace", granted: 7_000, spent: 0 },
    ]);
    assert.deepEqual(await unbalanced(db), []);
  });

  check("a day that is spent refuses, and the next day allows again", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: USD, costNanos: USD }, { budgets });
    assert.equal(await begin(db, { run, actId: "act_2", nanos: 1 }, { budgets }), false);
    await database.advance(DAY_MS);
    assert.equal(await begin(db, { run, actId: "act_2", nanos: USD }, { budgets }), true);
  });

  check("changed budgets hold from the next call on, a lower cap and one more budget too", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: 600_000_000, costNanos: 400_000_000 }, { budgets });
    await refreshAllotments(db);
    const changed = [{ ...perDay, capUsd: 0.5 }, testBudget("desk", { scope: { agent: "desk" }, period: "day", capUsd: 0.05 })];
    assert.equal(await reserve(db, reservationOf({ run, actId: "act_2", nanos: 1 })), false);
    const over = await ensure(db, { run, actId: "act_2", nanos: 60_000_000 }, { budgets: changed });
    assert.deepEqual([over.kind, "budget" in over && over.budget], ["over", "desk"]);
    assert.equal(await begin(db, { run, actId: "act_2", nanos: 50_000_000 }, { budgets: changed, sliceNanos: 0 }), true);
    assert.deepEqual(
      new Map((await periodRows(db)).map(({ budget, granted, spent }) => [budget, [granted, spent]])),
      new Map([
        ["day", [450_000_000, 400_000_000]],
        ["desk", [50_000_000, 0]],
      ]),
    );
    assert.deepEqual(await unbalanced(db), []);
  });

  check("a budget that warns never blocks, and marks every call that goes beyond it", async ({ db }) => {
    const warn = [testBudget("soft", { scope: { workspace: true }, period: "day", capUsd: 0.001, onReach: "warn" })];
    const first = await ensure(db, { run, actId: "act_1", nanos: 900_000 }, { budgets: warn });
    assert.deepEqual(first, { kind: "granted", reserve: { nanos: 900_000, tokens: 0 }, warned: [] });
    await play(db, { run, actId: "act_1", nanos: 900_000, costNanos: 900_000 }, { budgets: warn });
    for (const actId of ["act_2", "act_3"]) {
      const next = await ensure(db, { run, actId, nanos: 200_000 }, { budgets: warn });
      assert.deepEqual(next, { kind: "granted", reserve: { nanos: 200_000, tokens: 0 }, warned: [{ budget: "soft", subject: "workspace" }] });
      assert.deepEqual((await play(db, { run, actId, nanos: 200_000, costNanos: 200_000 }, { budgets: warn }))?.kind, "settled");
    }
  });

  check("slices that nobody has used do not make a budget warn", async ({ db }) => {
    const warn = [testBudget("soft", { scope: { workspace: true }, period: "day", capUsd: 0.001, onReach: "warn" })];
    await play(db, { run, actId: "act_1", nanos: 900_000, costNanos: 1 }, { budgets: warn });
    const second = await ensure(db, { run: testRun("run_2"), actId: "act_2", nanos: 500_000 }, { budgets: warn });
    assert.deepEqual([second.kind, "warned" in second && second.warned], ["granted", []]);
  });

  check("a budget in tokens blocks by tokens and leaves money alone", async ({ db }) => {
    const tokens = [testBudget("tokens", { scope: { workspace: true }, period: "day", capTokens: 1_000 })];
    assert.equal(await begin(db, { run, actId: "act_1", nanos: 900 * USD, tokens: 600 }, { budgets: tokens }), true);
    const counted = { input: 100, cached: 0, output: 50, reasoning: 20 };
    assert.deepEqual(await settle(db, settlementOf("act_1", null, { tokens: counted })), {
      kind: "settled",
      overrunNanos: 0,
      overrunTokens: 0,
      draining: false,
    });
    const over = await ensure(db, { run, actId: "act_2", nanos: null, tokens: 851 }, { budgets: tokens });
    assert.deepEqual(over.kind === "over" && [over.unit, over.capTokens, over.spentTokens, over.roomTokens, over.roomNanos], ["tokens", 1_000, 150, 850, null]);
    assert.equal(await begin(db, { run, actId: "act_2", nanos: null, tokens: 850 }, { budgets: tokens }), true);
    assert.equal((await settle(db, settlementOf("act_2", null, { tokens: { ...counted, input: null } }))).kind, "settled");
    assert.equal(await begin(db, { run, actId: "act_3", nanos: 1, tokens: 1 }, { budgets: tokens }), false); // unknown tokens count with the reservation
  });

  check("a model without a price is refused under a cap in money by a value of its own, and let through where the cap only warns", async ({ db }) => {
    const call = { run, actId: "act_1", nanos: null, model: "nobody:x" };
    assert.deepEqual(await ensure(db, call, { budgets }), { kind: "unpriced", model: "nobody:x", budget: "day", subject: "workspace" });
    await ensure(db, { ...call, nanos: 5 }, { budgets });
    assert.equal(await reserve(db, reservationOf(call)), false);
    const other = { ...call, run: testRun("run_2") };
    assert.equal(await begin(db, other, { budgets: [{ ...perDay, onReach: "warn" }] }), true);
  });

  check("a free call goes through after the money is gone", async ({ db }) => {
    await play(db, { run, actId: "act_1", nanos: USD, costNanos: USD + 5 }, { budgets });
    assert.equal(await begin(db, { run, actId: "act_2", nanos: 0 }, { budgets }), true);
  });

  check("a charge beyond its reservation is taken in full, shown, and paid for by the next slice", async ({ db }) => {
    const tight = { budgets, sliceNanos: 0 };
    assert.deepEqual(await play(db, { run, actId: "act_1", nanos: 1_000, costNanos: 1_300 }, tight), {
      kind: "settled",
      overrunNanos: 300,
      overrunTokens: 0,
      draining: false,
    });
    await releaseAllotment(db, "run_1");
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 1_300, spent: 1_300 }]);
    await play(db, { run, actId: "act_2", nanos: 1_000, costNanos: 1_300 }, tight);
    await begin(db, { run, actId: "act_3", nanos: 1_000 }, tight);
    assert.deepEqual(await periodRows(db), [{ budget: "day", subject: "workspace", granted: 3_600, spent: 1_300 }]);
    assert.deepEqual(await unbalanced(db), []);
  });

  check("the output of a call is cut to what the tightest budget still buys", async ({ db }) => {
    const prices = createPriceList({ overrides: { "one:m": { inputUsd: 1, outputUsd: 10 } }, clock: heldClock() });
    const call = { run, budgets, timeZone: "UTC", model: "one:m", inputTokens: 1_000 };
    await play(db, { run: testRun("run_2"), actId: "act_1", nanos: 990_000_000, costNanos: 990_000_000 }, { budgets });
    assert.deepEqual(await allotModelCall(db, prices, { ...call, wantedOutput: 4_096 }), {
      kind: "granted",
      reserve: { nanos: 10_000_000, tokens: 1_900 },
      warned: [],
      maxOutputTokens: 900,
    });
    assert.equal((await allotModelCall(db, prices, { ...call, inputTokens: 9_900, wantedOutput: 4_096 })).kind, "over");
    assert.deepEqual(await allotModelCall(db, prices, { ...call, model: "nobody:x", wantedOutput: 4_096 }), {
      kind: "unpriced",
      model: "nobody:x",
      budget: "day",
      subject: "workspace",
    });
  });
});
