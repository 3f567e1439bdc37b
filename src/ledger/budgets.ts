import { sha256 } from "#src/kernel/canonical-json.ts";
import type { Id } from "#src/kernel/ids.ts";
import type { BudgetManifest } from "#src/workspace/manifest/governance.ts";
import { nanosOfUsd } from "./money.ts";
import { periodWindow } from "./period-window.ts";

/** What decides which budgets a run counts against. Work without a run (indexing, a sensor) gives the id of its job as `runId`. */
export interface RunFacts {
  readonly runId: string;
  readonly agent: string;
  readonly ticketId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The run that this one is a part of: a budget per run counts them together. */
  readonly rootRunId?: string;
}

/** A moment (milliseconds since 1970) and the zone of budgets that name none. */
export interface BudgetMoment {
  readonly nowMs: number;
  readonly timeZone: string;
}

/** One budget, for one subject, in one period: a row of `budget_periods`. */
export interface BudgetPeriod {
  readonly id: Id<"bud">;
  readonly budget: string;
  /** `workspace`, `agent=desk`, `property=warm_taipei_2br`, `ticket=tkt_…`, `run=run_…`, or two of them with a space: a cap per run of one agent. */
  readonly subject: string;
  readonly period: BudgetManifest["period"];
  readonly startsAtMs: number;
  /** Null for the period of a run or a ticket, which has no end. */
  readonly endsAtMs: number | null;
  readonly capNanos: number | null;
  readonly capTokens: number | null;
  readonly onReach: BudgetManifest["onReach"];
}

/** The budgets that the run counts against now, widest first: the first one orders all who share it. A budget per ticket does not apply to a run without one. */
export function applicableBudgets(budgets: readonly BudgetManifest[], run: RunFacts, at: BudgetMoment): BudgetPeriod[] {
  const found = budgets.flatMap((budget) => {
    const parts = [scopePart(budget, run), periodPart(budget, run)];
    if (parts.includes(null)) return [];
    return [{ width: widthOf(budget), period: budgetPeriod(budget, subjectOf(parts as Part[]), at) }];
  });
  return found.toSorted((a, b) => a.width - b.width || (a.period.id < b.period.id ? -1 : 1)).map(({ period }) => period);
}

/** The period of one budget and subject that the moment lies in. */
export function budgetPeriod(budget: BudgetManifest, subject: string, at: BudgetMoment): BudgetPeriod {
  const endless = budget.period === "run" || budget.period === "ticket";
  const window = endless ? null : periodWindow(budget.period as "day" | "month", budget.timeZone ?? at.timeZone, at.nowMs);
  const startsAtMs = window?.startMs ?? 0;
  return {
    id: periodId(budget.name, subject, startsAtMs),
    budget: budget.name,
    subject,
    period: budget.period,
    startsAtMs,
    endsAtMs: window?.endMs ?? null,
    capNanos: budget.capUsd === undefined ? null : nanosOfUsd(budget.capUsd),
    capTokens: budget.capTokens ?? null,
    onReach: budget.onReach,
  };
}

/** The subject of a budget that has exactly one: the workspace, one agent, one value of a label. Null where each run, ticket or value has its own. */
export function onlySubject(budget: BudgetManifest): string | null {
  if (budget.period === "run" || budget.period === "ticket") return null;
  if ("workspace" in budget.scope) return "workspace";
  if ("agent" in budget.scope) return `agent=${budget.scope.agent}`;
  if ("label" in budget.scope && budget.scope.value !== undefined) return `${budget.scope.label}=${budget.scope.value}`;
  return null;
}

/** Named by what it is, so that whoever comes first makes the same row. */
function periodId(budget: string, subject: string, startsAtMs: number): Id<"bud"> {
  return `bud_${sha256(JSON.stringify([budget, subject, startsAtMs])).slice(0, 32)}`;
}

/** Null: the budget does not apply. Empty: it says nothing about the subject. */
type Part = string | null;

function scopePart({ scope }: BudgetManifest, run: RunFacts): Part {
  if ("workspace" in scope) return "";
  if ("agent" in scope) return scope.agent === run.agent ? `agent=${run.agent}` : null;
  if ("label" in scope) {
    const value = Object.hasOwn(run.labels, scope.label) ? run.labels[scope.label] : undefined;
    return value === undefined || (scope.value !== undefined && scope.value !== value) ? null : `${scope.label}=${value}`;
  }
  if (scope.each === "agent") return `agent=${run.agent}`;
  return scope.each === "run" ? runPart(run) : ticketPart(run);
}

function periodPart({ period }: BudgetManifest, run: RunFacts): Part {
  if (period === "run") return runPart(run);
  return period === "ticket" ? ticketPart(run) : "";
}

const runPart = ({ runId, rootRunId }: RunFacts): Part => `run=${rootRunId ?? runId}`;
const ticketPart = (run: RunFacts): Part => (run.ticketId === null ? null : `ticket=${run.ticketId}`);

function subjectOf(parts: readonly Part[]): string {
  return [...new Set(parts.filter((part) => part))].join(" ") || "workspace";
}

function widthOf({ scope, period }: BudgetManifest): number {
  if (period === "run" || ("each" in scope && scope.each === "run")) return 4;
  if (period === "ticket" || ("each" in scope && scope.each === "ticket")) return 3;
  if ("workspace" in scope) return 0;
  return "label" in scope ? 1 : 2;
}
