import { API_VERSION } from "./manifest/common.ts";
import type { Agent, Budget } from "./model.ts";

const PERIODS = [
  ["monthlyUsd", "month"],
  ["dailyUsd", "day"],
  ["perRunUsd", "run"],
  ["perTicketUsd", "ticket"],
] as const;

/** What stands under `budget` of an agent, as budgets like any other. Their names have a colon, which a name in a file cannot have. */
export function agentBudgets({ name, budget, source }: Agent): Budget[] {
  if (!budget) return [];
  return PERIODS.flatMap(([member, period]) => {
    const capUsd = budget[member];
    if (capUsd === undefined) return [];
    return [
      { apiVersion: API_VERSION, kind: "Budget" as const, name: `${name}:${period}`, scope: { agent: name }, period, capUsd, onReach: budget.onReach, source },
    ];
  });
}
