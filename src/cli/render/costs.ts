import type { BudgetShape, CostGroupShape } from "../client/shapes.ts";
import type { Look } from "./look.ts";
import { moneyText, spentText, tokensText } from "./money.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { type Column, tableText } from "./table.ts";
import { agoText } from "./time.ts";

/** What was spent, per group. `by`: how it was grouped, for the head. */
export function costsText(groups: readonly CostGroupShape[], by: string, look: Look): string {
  if (groups.length === 0) return "Nothing was spent: no model was called.";
  const table: readonly Column<CostGroupShape>[] = [
    { head: by, cell: ({ key }) => plainLine(key ?? (by === "all" ? "everything" : "without")), least: 8 },
    { head: "cash", cell: spentText, align: "right" },
    { head: "list", cell: ({ listNanos }) => moneyText(listNanos), align: "right" },
    { head: "calls", cell: ({ calls, openCalls }) => `${calls}${openCalls > 0 ? ` (+${openCalls} out)` : ""}`, align: "right" },
    { head: "in", cell: ({ inputTokens }) => tokensText(inputTokens), align: "right" },
    { head: "out", cell: ({ outputTokens }) => tokensText(outputTokens), align: "right" },
  ];
  return tableText(groups, table, look);
}

/** What is left of every budget. A budget that only warns never says that it stops something. */
export function budgetsText(budgets: readonly BudgetShape[], look: Look): string {
  if (budgets.length === 0) return "The workspace has no budgets: nothing is limited. Add one under budgets/.";
  const table: readonly Column<BudgetShape>[] = [
    { head: "budget", cell: ({ budget }) => plainLine(budget), least: 10 },
    { head: "of", cell: ({ subject }) => plainLine(subject), least: 10 },
    { head: "per", cell: ({ period }) => period },
    { head: "spent", cell: spentOf, align: "right" },
    { head: "cap", cell: ({ capNanos, capTokens }) => amount(capNanos, capTokens), align: "right" },
    { head: "left", cell: ({ leftNanos, leftTokens }) => amount(leftNanos, leftTokens), align: "right" },
    { head: "at the cap", cell: ({ onReach }) => AT_THE_CAP[onReach] },
    { head: "renewed", cell: ({ resetsAt }) => (resetsAt === null ? "-" : agoText(resetsAt, look.nowMs)), align: "right" },
  ];
  return tableText(budgets, table, look);
}

const AT_THE_CAP: Readonly<Record<BudgetShape["onReach"], string>> = { block: "asks", pause: "asks once", warn: "warns" };

const spentOf = ({ spentNanos, spentTokens, capNanos, unknownCalls }: BudgetShape): string =>
  capNanos === null ? `${tokensText(spentTokens)} tokens` : `${moneyText(spentNanos)}${unknownCalls > 0 ? ` (${unknownCalls} unknown)` : ""}`;

const amount = (nanos: number | null, tokens: number | null): string =>
  [nanos === null ? "" : moneyText(nanos), tokens === null ? "" : `${tokensText(tokens)} tokens`].filter((part) => part !== "").join(", ") || "-";
