import { plainLine } from "#src/kernel/plain.ts";
import type { UsageShape } from "../client/workspace-shapes.ts";
import type { Look } from "./look.ts";
import { moneyText, tokensText } from "./money.ts";
import { type Column, tableText } from "./table.ts";

/** How models were used, per group; `by` is the head of the first column. */
export function usageText(groups: readonly UsageShape[], by: string, look: Look): string {
  if (groups.length === 0) return "No model was called.";
  const table: readonly Column<UsageShape>[] = [
    { head: by, cell: ({ key }) => plainLine(key ?? (by === "all" ? "everything" : "without")), least: 8 },
    { head: "calls", cell: ({ calls }) => String(calls), align: "right" },
    { head: "in vain", cell: ({ calls, failed }) => (failed === 0 ? "-" : `${failed} (${Math.round((100 * failed) / calls)} %)`), align: "right" },
    { head: "in", cell: ({ inputTokens }) => tokensText(inputTokens), align: "right" },
    { head: "out", cell: ({ outputTokens }) => tokensText(outputTokens), align: "right" },
    { head: "cash", cell: ({ costNanos, unknownCalls }) => `${moneyText(costNanos)}${unknownCalls > 0 ? " +?" : ""}`, align: "right" },
    { head: "mean", cell: ({ meanMs }) => secondsText(meanMs), align: "right" },
    { head: "p95", cell: ({ p95Ms }) => secondsText(p95Ms), align: "right" },
    { head: "p99", cell: ({ p99Ms }) => secondsText(p99Ms), align: "right" },
  ];
  return tableText(groups, table, look);
}

const secondsText = (ms: number | null): string => (ms === null ? "unknown" : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`);
