import assert from "node:assert/strict";
import { test } from "node:test";
import type { Db } from "#src/database/open.ts";
import { type TestDatabase, testDatabase } from "#src/testing/database.ts";
import { returnAllotment } from "./allot.ts";
import type { RunFacts } from "./budgets.ts";
import { begin, databaseNowMs, emptyLedger, moveInTime, play, settlementOf, testBudget, testRun } from "./store/ledger-fixture.ts";
import { budgetsLeft, type CostGroup, costReport, forecast, subjectCosts } from "./reports.ts";
import { settle } from "./store/settle.ts";

const casa = testRun("run_casa", { ticketId: "tkt_1", labels: { property: "casa", category: "leak" } });
const taipei = testRun("run_taipei", { agent: "chat", ticketId: "tkt_2", labels: { property: "taipei" } });
const plain = testRun("run_plain");
const NONE = { budgets: [] };
const FROM_START = { fromMs: 0 };

interface Played {
  readonly run: RunFacts;
  readonly cost: number | null;
  readonly tier?: string;
  readonly model?: string;
}

let calls = 0;
async function played(db: Db, { run, cost, tier = "fast", model = "one:m" }: Played): Promise<void> {
  calls += 1;
  const actId = `act_${calls}`;
  await begin(db, { run, actId, nanos: 1_000, tokens: 300, tier, model }, NONE);
  await settle(db, settlementOf(actId, cost, { tokens: { input: 100, cached: 30, output: 10, reasoning: 4 } }));
}

const brief = (groups: readonly CostGroup[]) => groups.map(({ key, calls: count, costNanos, unknownCalls }) => [key, count, costNanos, unknownCalls]);

test("reports", async (t) => {
  const database = await testDatabase(t);
  const check = (name: string, body: (database: TestDatabase) => Promise<void>) =>
    t.test(name, async () => {
      await emptyLedger(database.db);
      await body(database);
    });

  check("everything that is known about the calls of a group is summed, and what is unknown or still out is counted apart", async ({ db }) => {
    await played(db, { run: casa, cost: 700 });
    await played(db, { run: casa, cost: 1_200 });
    await played(db, { run: casa, cost: null });
    await begin(db, { run: casa, actId: "act_out", nanos: 500, tokens: 0 }, NONE);
    const sums = {
      calls: 3,
      openCalls: 1,
      reservedNanos: 500,
      costNanos: 1_900,
      unknownCalls: 1,
      listNanos: 1_900,
      unlistedCalls: 1,
      overrunNanos: 200,
      estimatedCalls: 0,
      selfReportedCalls: 0,
      inputTokens: 300,
      cachedTokens: 90,
      outputTokens: 30,
      reasoningTokens: 12,
    };
    assert.deepEqual(await costReport(db, { by: "all" }, FROM_START), [{ key: null, ...sums, tiers: { fast: sums } }]);
    assert.deepEqual(await costReport(db, { by: "all" }, { fromMs: 0, toMs: 1 }), []);
  });

  check("costs are grouped by label, ticket, run, agent, tier and model, the dearest first", async ({ db }) => {
    await played(db, { run: casa, cost: 700 });
    await played(db, { run: taipei, cost: 900, tier: "strong", model: "two:m" });
    await played(db, { run: plain, cost: null });
    const by = async (grouping: Parameters<typeof costReport>[1]) => brief(await costReport(db, grouping, FROM_START));
    assert.deepEqual(await by({ by: "label", key: "property" }), [
      ["taipei", 1, 900, 0],
      ["casa", 1, 700, 0],
      [null, 1, 0, 1],
    ]);
    assert.deepEqual(await by({ by: "ticket" }), [
      ["tkt_2", 1, 900, 0],
      ["tkt_1", 1, 700, 0],
      [null, 1, 0, 1],
    ]);
    assert.deepEqual(
      (await by({ by: "run" })).map(([key]) => key),
      ["run_taipei", "run_casa", "run_plain"],
    );
    assert.deepEqual(await by({ by: "agent" }), [
      ["chat", 1, 900, 0],
      ["desk", 2, 700, 1],
    ]);
    assert.deepEqual(await by({ by: "tier" }), [
      ["strong", 1, 900, 0],
      ["fast", 2, 700, 1],
    ]);
    assert.deepEqual(await by({ by: "model" }), [
      ["two:m", 1, 900, 0],
      ["one:m", 2, 700, 1],
    ]);
  });

  check("a filter takes only what matches all of it", async ({ db }) => {
    await played(db, { run: casa, cost: 700 });
    await played(db, { run: taipei, cost: 900 });
    const of = async (filter: object) => (await costReport(db, { by: "all" }, { ...FROM_START, ...filter }))[0]?.costNanos;
    assert.deepEqual(
      [
        await of({ labels: { property: "casa" } }),
        await of({ ticketId: "tkt_2" }),
        await of({ runId: "run_casa" }),
        await of({ agent: "chat" }),
        await of({ agent: "chat", runId: "run_casa" }),
      ],
      [700, 900, 700, 900, undefined],
    );
  });

  check("days are those of the zone that is asked for", async ({ db }) => {
    for (const [at, cost] of [
      ["2026-01-31T15:59:59Z", 1],
      ["2026-01-31T16:00:00Z", 20],
      ["2026-02-01T01:00:00Z", 300],
    ] as const) {
      await played(db, { run: plain, cost });
      await moveInTime(db, cost, at);
    }
    assert.deepEqual(brief(await costReport(db, { by: "day", timeZone: "Asia/Taipei" }, FROM_START)), [
      ["2026-01-31", 1, 1, 0],
      ["2026-02-01", 2, 320, 0],
    ]);
    assert.deepEqual(brief(await costReport(db, { by: "day", timeZone: "UTC" }, FROM_START)), [
      ["2026-01-31", 2, 21, 0],
      ["2026-02-01", 1, 300, 0],
    ]);
  });

  check("what is left of a budget counts open runs, ended runs, and calls that are out", async ({ db }) => {
    const day = testBudget("day", { scope: { workspace: true }, period: "day", capUsd: 0.00001, capTokens: 1_000 });
    const perRun = testBudget("per-run", { scope: { each: "run" }, period: "run", capUsd: 1 });
    const unused = testBudget("unused", { scope: { agent: "nobody" }, period: "month", capUsd: 2, onReach: "warn" });
    const labelled = testBudget("labelled", { scope: { label: "property" }, period: "day", capUsd: 1 });
    const budgets = [day, perRun, unused, labelled];
    await play(db, { run: casa, actId: "a1", nanos: 2_000, tokens: 100, costNanos: 1_500 }, { budgets });
    await returnAllotment(db, casa.runId);
    await play(db, { run: plain, actId: "a2", nanos: 2_000, tokens: 100, costNanos: null }, { budgets });
    await begin(db, { run: plain, actId: "a3", nanos: 1_000, tokens: 50 }, { budgets });
    const at = { nowMs: await databaseNowMs(db), timeZone: "UTC" };
    const left = await budgetsLeft(db, budgets, at);
    const { startsAtMs, resetsAtMs, ...rest } = left[0]!;
    assert.equal(resetsAtMs! - startsAtMs, 86_400_000);
    assert.deepEqual(rest, {
      budget: "day",
      subject: "workspace",
      period: "day",
      onReach: "block",
      unknownCalls: 1,
      capNanos: 10_000,
      raisedNanos: 0,
      raisedTokens: 0,
      spentNanos: 3_500,
      reservedNanos: 1_000,
      leftNanos: 5_500,
      capTokens: 1_000,
      spentTokens: 0,
      reservedTokens: 50,
      leftTokens: 950,
    });
    assert.deepEqual(
      left.map(({ budget, subject, spentNanos, leftNanos }) => [budget, subject, spentNanos, leftNanos]),
      [
        ["day", "workspace", 3_500, 5_500],
        ["per-run", "run=run_plain", 2_000, 999_997_000],
        ["unused", "agent=nobody", 0, 2_000_000_000],
        ["labelled", "property=casa", 1_500, 999_998_500],
      ],
    );
  });

  check("a budget that is spent beyond its cap has nothing left, not less than nothing", async ({ db }) => {
    const budgets = [testBudget("day", { scope: { workspace: true }, period: "day", capUsd: 0.000001 })];
    await play(db, { run: plain, actId: "a1", nanos: 1_000, costNanos: 1_700 }, { budgets });
    const [left] = await budgetsLeft(db, budgets, { nowMs: await databaseNowMs(db), timeZone: "UTC" });
    assert.deepEqual([left!.spentNanos, left!.leftNanos], [1_700, 0]);
  });

  check("each property has its calls of today by tier and its budgets, the dearest first", async ({ db }) => {
    await played(db, { run: casa, cost: 5_000 });
    await database.advance(86_400_000);
    await played(db, { run: casa, cost: 700 });
    await played(db, { run: casa, cost: 100, tier: "strong" });
    await played(db, { run: taipei, cost: 900 });
    await played(db, { run: plain, cost: 10_000 });
    const budgets = [
      testBudget("p", { scope: { label: "property", value: "casa" }, period: "month", capUsd: 3 }),
      testBudget("w", { scope: { workspace: true }, period: "day", capUsd: 3 }),
    ];
    const costs = await subjectCosts(db, "property", { budgets, at: { nowMs: await databaseNowMs(db), timeZone: "UTC" } });
    assert.deepEqual(
      costs.map(({ subject, today, budgets: left }) => ({
        subject,
        nanos: today.costNanos,
        tiers: Object.entries(today.tiers).map(([tier, sums]) => [tier, sums.calls, sums.costNanos]),
        budgets: left.map(({ budget, leftNanos }) => [budget, leftNanos]),
      })),
      [
        { subject: "taipei", nanos: 900, tiers: [["fast", 1, 900]], budgets: [] },
        {
          subject: "casa",
          nanos: 800,
          tiers: [
            ["fast", 1, 700],
            ["strong", 1, 100],
          ],
          budgets: [["p", 3_000_000_000]],
        },
      ],
    );
  });

  check("a forecast is the range of finished runs with the same labels, else of the same agent, else unknown", async ({ db }) => {
    const leak = { labels: { category: "leak" }, agent: "desk" };
    assert.deepEqual(await forecast(db, leak), { kind: "unknown" });
    await played(db, { run: plain, cost: 50 });
    assert.deepEqual(await forecast(db, leak), { kind: "unknown" }); // it has not ended
    await returnAllotment(db, plain.runId);
    assert.deepEqual(await forecast(db, leak), { kind: "range", lowNanos: 50, medianNanos: 50, highNanos: 50, from: 1, alike: "agent" });
    for (let index = 1; index <= 10; index += 1) {
      const run = { ...casa, runId: `run_${index}` };
      await played(db, { run: { ...run, labels: {} }, cost: index * 100 }); // before its category was known
      await played(db, { run, cost: index });
      await returnAllotment(db, run.runId);
    }
    await played(db, { run: { ...casa, runId: "run_unknown" }, cost: null });
    await returnAllotment(db, "run_unknown");
    assert.deepEqual(await forecast(db, leak), { kind: "range", lowNanos: 101, medianNanos: 505, highNanos: 909, from: 10, alike: "labels" });
  });
});
