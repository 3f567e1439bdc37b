import { LoopError } from "#src/kernel/errors.ts";
import { applicableBudgets, type RunFacts } from "#src/ledger/budgets.ts";
import type { PriceList } from "#src/ledger/prices.ts";
import type { Budget } from "#src/workspace/model.ts";

const isPerRun = ({ period, scope }: Budget): boolean => period === "run" || ("each" in scope && scope.each === "run");

/** Budgets that calls share. Those per run are not among them: to such a budget each call is a run of its own. */
export const sharedBudgets = (budgets: readonly Budget[]): Budget[] => budgets.filter((budget) => !isPerRun(budget));

interface OneCall {
  readonly budgets: readonly Budget[];
  readonly facts: Pick<RunFacts, "agent" | "labels">;
  readonly prices: PriceList;
  readonly model: string;
  readonly inputTokens: number;
  readonly wantedOutput: number;
}

/** The output that the caps per run leave to one call; all that is wanted where there are none. @throws LoopError budget_reached when they leave nothing, or a cap in money meets a model without a price */
export function outputOfOneCall({ budgets, facts, prices, model, inputTokens, wantedOutput }: OneCall): number {
  const caps = applicableBudgets(budgets.filter(isPerRun), { ...facts, runId: "", ticketId: null }, { nowMs: 0, timeZone: "UTC" }).filter(
    ({ onReach }) => onReach === "block",
  );
  const nanos = caps.flatMap(({ capNanos }) => capNanos ?? []);
  const tokens = caps.flatMap(({ capTokens }) => capTokens ?? []);
  if (nanos.length + tokens.length === 0) return wantedOutput;
  const remainingNanos = nanos.length === 0 ? null : Math.min(...nanos);
  const remainingTokens = tokens.length === 0 ? null : Math.min(...tokens);
  const clamped = prices.clampOutput({ model, inputTokens, wantedOutput, remainingNanos, remainingTokens });
  if (clamped !== null) return clamped;
  const names = caps.map(({ budget }) => budget).join(", ");
  throw new LoopError(
    "budget_reached",
    `One call may not cost so much, or its price is unknown: the budgets per run ${names} count each call as a run. Send less.`,
    {
      facts: { budget: names },
    },
  );
}
