import assert from "node:assert/strict";
import { test } from "node:test";
import { type BudgetManifest, budgetManifest } from "#src/workspace/manifest/governance.ts";
import { applicableBudgets, onlySubject, type RunFacts } from "./budgets.ts";
import { periodWindow } from "./period-window.ts";

const HOUR_MS = 3_600_000;
const at = { nowMs: Date.parse("2026-03-15T10:00:00Z"), timeZone: "UTC" };
const run: RunFacts = { runId: "run_1", agent: "desk", ticketId: "tkt_1", labels: { property: "warm_taipei_2br" } };
const budget = (name: string, rest: object): BudgetManifest =>
  budgetManifest.parse({ apiVersion: "loopwright.dev/v1", kind: "Budget", name, capUsd: 1, ...rest });
const window = (period: "day" | "month", zone: string, text: string) => {
  const { startMs, endMs } = periodWindow(period, zone, Date.parse(text));
  return { from: new Date(startMs).toISOString(), to: new Date(endMs).toISOString(), hours: (endMs - startMs) / HOUR_MS };
};

test("the days on which clocks change have 23 and 25 hours", () => {
  assert.deepEqual(window("day", "Europe/Lisbon", "2026-03-29T12:00:00Z"), { from: "2026-03-29T00:00:00.000Z", to: "2026-03-29T23:00:00.000Z", hours: 23 });
  assert.deepEqual(window("day", "Europe/Lisbon", "2026-10-25T00:30:00Z"), { from: "2026-10-24T23:00:00.000Z", to: "2026-10-26T00:00:00.000Z", hours: 25 });
});

test("where clocks change at midnight the day begins when its date does", () => {
  assert.deepEqual(window("day", "America/Santiago", "2026-09-06T12:00:00Z"), { from: "2026-09-06T04:00:00.000Z", to: "2026-09-07T03:00:00.000Z", hours: 23 });
  assert.deepEqual(window("day", "Pacific/Apia", "2011-12-30T09:59:59Z"), { from: "2011-12-29T10:00:00.000Z", to: "2011-12-30T10:00:00.000Z", hours: 24 });
});

test("a month ends at midnight of its own zone", () => {
  assert.deepEqual(window("month", "Asia/Taipei", "2026-01-31T15:59:59Z"), { from: "2025-12-31T16:00:00.000Z", to: "2026-01-31T16:00:00.000Z", hours: 744 });
  assert.deepEqual(window("month", "Asia/Taipei", "2026-01-31T16:00:00Z"), { from: "2026-01-31T16:00:00.000Z", to: "2026-02-28T16:00:00.000Z", hours: 672 });
  assert.deepEqual(window("month", "UTC", "2028-02-29T23:59:59Z"), { from: "2028-02-01T00:00:00.000Z", to: "2028-03-01T00:00:00.000Z", hours: 696 });
});

test("a run counts against every budget whose scope it is in, the widest first", () => {
  const budgets = [
    budget("each-run", { scope: { each: "run" }, period: "run" }),
    budget("desk-run", { scope: { agent: "desk" }, period: "run" }),
    budget("each-ticket", { scope: { each: "ticket" }, period: "ticket" }),
    budget("agent", { scope: { agent: "desk" }, period: "day" }),
    budget("agents", { scope: { each: "agent" }, period: "day" }),
    budget("property", { scope: { label: "property" }, period: "day" }),
    budget("taipei", { scope: { label: "property", value: "warm_taipei_2br" }, period: "day" }),
    budget("other-agent", { scope: { agent: "chat" }, period: "day" }),
    budget("other-value", { scope: { label: "property", value: "casa_lisboa" }, period: "day" }),
    budget("other-label", { scope: { label: "constructor" }, period: "day" }),
    budget("all", { scope: { workspace: true }, period: "month" }),
    budget("all-runs", { scope: { workspace: true }, period: "run" }),
  ];
  const found = applicableBudgets(budgets, run, at);
  assert.equal(found[0]!.subject, "workspace");
  assert.deepEqual(Object.fromEntries(found.map(({ budget: name, subject }) => [name, subject])), {
    all: "workspace",
    property: "property=warm_taipei_2br",
    taipei: "property=warm_taipei_2br",
    agent: "agent=desk",
    agents: "agent=desk",
    "each-ticket": "ticket=tkt_1",
    "each-run": "run=run_1",
    "desk-run": "agent=desk run=run_1",
    "all-runs": "run=run_1",
  });
  assert.equal(new Set(found.map(({ id }) => id)).size, 9);
  assert.deepEqual(applicableBudgets(budgets, run, at), applicableBudgets(budgets.toReversed(), run, at));
});

test("a run without a ticket does not count against budgets per ticket", () => {
  const budgets = [budget("a", { scope: { each: "ticket" }, period: "day" }), budget("b", { scope: { workspace: true }, period: "ticket" })];
  assert.deepEqual(applicableBudgets(budgets, { ...run, ticketId: null }, at), []);
});

test("a period carries its caps in nano-dollars and tokens, and its window in the budget's zone, else the workspace's", () => {
  const manifest = budget("day", { scope: { workspace: true }, period: "day", timeZone: "Asia/Taipei", capUsd: 0.1, capTokens: 500, onReach: "warn" });
  const [period] = applicableBudgets([manifest], run, at);
  const { id, ...rest } = period!;
  assert.match(id, /^bud_[0-9a-f]{32}$/);
  assert.deepEqual(rest, {
    budget: "day",
    subject: "workspace",
    period: "day",
    capNanos: 100_000_000,
    capTokens: 500,
    onReach: "warn",
    startsAtMs: Date.parse("2026-03-14T16:00:00Z"),
    endsAtMs: Date.parse("2026-03-15T16:00:00Z"),
  });
  const [inherited] = applicableBudgets([{ ...manifest, timeZone: undefined }], run, { ...at, timeZone: "Asia/Tokyo" });
  assert.equal(inherited!.startsAtMs, Date.parse("2026-03-14T15:00:00Z"));
  const [nextDay] = applicableBudgets([manifest], run, { ...at, nowMs: at.nowMs + 24 * HOUR_MS });
  assert.notEqual(nextDay!.id, id);
});

test("a budget per run or ticket has a period without an end", () => {
  const [period] = applicableBudgets([budget("r", { scope: { each: "run" }, period: "run" })], run, at);
  assert.deepEqual([period!.startsAtMs, period!.endsAtMs], [0, null]);
});

test("only a budget over the workspace, an agent or one value of a label has one known subject", () => {
  const only = (rest: object) => onlySubject(budget("x", { period: "day", ...rest }));
  assert.deepEqual(
    [
      only({ scope: { workspace: true } }),
      only({ scope: { agent: "desk" } }),
      only({ scope: { label: "property", value: "a" } }),
      only({ scope: { label: "property" } }),
      only({ scope: { each: "agent" } }),
      only({ scope: { workspace: true }, period: "run" }),
    ],
    ["workspace", "agent=desk", "property=a", null, null, null],
  );
});
