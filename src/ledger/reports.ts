import type { Db, Transaction } from "#src/database/open.ts";
import type { BudgetManifest } from "#src/workspace/manifest/governance.ts";
import { budgetPeriod, type BudgetMoment, type BudgetPeriod, onlySubject } from "./budgets.ts";
import { periodWindow } from "./period-window.ts";
import { readForecast } from "./store/forecast.ts";
import { currentStates, type PeriodState } from "./store/period-state.ts";
import { type CostTotals, readTotals, type TotalsRow } from "./store/totals.ts";

export type Grouping =
  | { readonly by: "all" | "ticket" | "run" | "agent" | "tier" | "model" }
  | { readonly by: "label"; readonly key: string }
  | { readonly by: "day"; readonly timeZone: string };

/** From `fromMs` on, up to but without `toMs` (milliseconds since 1970); everything that is given must match. */
export interface CostFilter {
  readonly fromMs: number;
  readonly toMs?: number;
  readonly ticketId?: string;
  readonly runId?: string;
  readonly agent?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface CostGroup extends CostTotals {
  /** A label's value, an id, a name, a tier, a model, or a day as 2026-10-25. Null: without one. */
  readonly key: string | null;
  readonly tiers: Readonly<Record<string, CostTotals>>;
}

/** What was spent, per group; the dearest first, days in order. A call belongs to the time when it was reserved. `all` gives one group, or none. */
export async function costReport(db: Db | Transaction, grouping: Grouping, filter: CostFilter): Promise<CostGroup[]> {
  const detail = grouping.by === "label" ? grouping.key : grouping.by === "day" ? grouping.timeZone : "";
  const rows = await readTotals(db, {
    by: grouping.by,
    detail,
    fromMs: filter.fromMs,
    toMs: filter.toMs ?? null,
    ticketId: filter.ticketId ?? null,
    runId: filter.runId ?? null,
    agent: filter.agent ?? null,
    labels: filter.labels ?? {},
  });
  const groups = [...Map.groupBy(rows, (row) => row.key)].map(([key, parts]) => costGroup(key, parts));
  const byKey = (a: CostGroup, b: CostGroup): number => ((a.key ?? "") < (b.key ?? "") ? -1 : 1);
  return groups.toSorted(grouping.by === "day" ? byKey : (a, b) => b.costNanos - a.costNanos || byKey(a, b));
}

function costGroup(key: string | null, parts: readonly TotalsRow[]): CostGroup {
  const plain = parts.map(({ key: _key, tier, ...totals }) => ({ tier, totals }));
  const tiers = Object.fromEntries(plain.filter(({ tier }) => tier !== null).map(({ tier, totals }) => [tier, totals]));
  return { key, ...plain.map(({ totals }) => totals).reduce(addTotals), tiers };
}

function addTotals(a: CostTotals, b: CostTotals): CostTotals {
  const names = Object.keys(a) as (keyof CostTotals)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as CostTotals;
}

/** Amounts that belong to one budget, subject and period, now. Left is never negative; null: no cap in that unit. */
export interface BudgetLeft {
  readonly budget: string;
  readonly subject: string;
  readonly period: BudgetManifest["period"];
  readonly onReach: BudgetManifest["onReach"];
  readonly startsAtMs: number;
  /** Null where the period has no end. */
  readonly resetsAtMs: number | null;
  /** With what was granted beyond the manifest. */
  readonly capNanos: number | null;
  readonly raisedNanos: number;
  /** Calls of unknown cost count with their reservation. */
  readonly spentNanos: number;
  readonly reservedNanos: number;
  readonly leftNanos: number | null;
  readonly capTokens: number | null;
  readonly raisedTokens: number;
  readonly spentTokens: number;
  readonly reservedTokens: number;
  readonly leftTokens: number | null;
  readonly unknownCalls: number;
}

/**
 * What is left of every budget, in the order of the manifests, then by subject. A budget with one subject is always there; one per label value, per agent
 * or per ticket and day shows the subjects that were used in its period; one whose period is a run or a ticket, those of open runs.
 */
export async function budgetsLeft(db: Db | Transaction, budgets: readonly BudgetManifest[], at: BudgetMoment): Promise<BudgetLeft[]> {
  const current = budgets.map((budget) => budgetPeriod(budget, onlySubject(budget) ?? "", at));
  const states = await currentStates(
    db,
    current.map(({ budget, startsAtMs, endsAtMs }) => ({ budget, startsAtMs, liveOnly: endsAtMs === null })),
  );
  return current.flatMap((period) => {
    const found = states.filter((state) => state.budget === period.budget);
    const unused = period.subject !== "" && !found.some((state) => state.subject === period.subject);
    return (unused ? [{ ...NOTHING, subject: period.subject }, ...found] : found).map((state) => budgetLeft(period, state));
  });
}

const NOTHING = { raisedNanos: 0, raisedTokens: 0, spentNanos: 0, spentTokens: 0, reservedNanos: 0, reservedTokens: 0, unknownCalls: 0 };

function budgetLeft(period: BudgetPeriod, state: Omit<PeriodState, "id" | "budget">): BudgetLeft {
  const { budget, onReach, startsAtMs } = period;
  const capNanos = period.capNanos === null ? null : period.capNanos + state.raisedNanos;
  const capTokens = period.capTokens === null ? null : period.capTokens + state.raisedTokens;
  const { subject, raisedNanos, raisedTokens, spentNanos, spentTokens, reservedNanos, reservedTokens, unknownCalls } = state;
  return {
    budget,
    subject,
    period: period.period,
    onReach,
    startsAtMs,
    resetsAtMs: period.endsAtMs,
    capNanos,
    raisedNanos,
    spentNanos,
    reservedNanos,
    leftNanos: capNanos === null ? null : Math.max(0, capNanos - spentNanos - reservedNanos),
    capTokens,
    raisedTokens,
    spentTokens,
    reservedTokens,
    leftTokens: capTokens === null ? null : Math.max(0, capTokens - spentTokens - reservedTokens),
    unknownCalls,
  };
}

export interface SubjectCosts {
  /** The label's value. */
  readonly subject: string;
  /** The day of the workspace's zone that is now. */
  readonly today: CostGroup;
  /** The budgets of this label with this value. */
  readonly budgets: readonly BudgetLeft[];
}

/** Today per value of a label (such as each property), the dearest first; values without a call today and calls without the label are not listed. */
export async function subjectCosts(
  db: Db | Transaction,
  label: string,
  more: { budgets: readonly BudgetManifest[]; at: BudgetMoment },
): Promise<SubjectCosts[]> {
  const today = periodWindow("day", more.at.timeZone, more.at.nowMs);
  const groups = await costReport(db, { by: "label", key: label }, { fromMs: today.startMs, toMs: today.endMs });
  const ofLabel = more.budgets.filter(({ scope }) => "label" in scope && scope.label === label);
  const left = await budgetsLeft(db, ofLabel, more.at);
  return groups.flatMap((group) => {
    if (group.key === null) return [];
    return [{ subject: group.key, today: group, budgets: left.filter(({ subject }) => subject === `${label}=${group.key}`) }];
  });
}

/** From the tenth to the ninetieth percentile of `from` finished runs. Unknown: there were none whose cost is known. */
export type Forecast =
  | {
      readonly kind: "range";
      readonly lowNanos: number;
      readonly medianNanos: number;
      readonly highNanos: number;
      readonly from: number;
      readonly alike: "labels" | "agent";
    }
  | { readonly kind: "unknown" };

/** What a run will probably cost: as finished runs with the same labels did (such as the category), else as those of the same agent. */
export async function forecast(db: Db | Transaction, similar: { labels: Readonly<Record<string, string>>; agent: string }): Promise<Forecast> {
  const tries = [
    ...(Object.keys(similar.labels).length > 0 ? [{ alike: "labels" as const, labels: similar.labels, agent: null }] : []),
    { alike: "agent" as const, labels: {}, agent: similar.agent },
  ];
  for (const { alike, labels, agent } of tries) {
    const { runs, low, median, high } = await readForecast(db, { labels, agent });
    if (runs > 0) return { kind: "range", lowNanos: low!, medianNanos: median!, highNanos: high!, from: runs, alike };
  }
  return { kind: "unknown" };
}
