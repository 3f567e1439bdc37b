import type { CostGroupShape } from "../client/shapes.ts";
import { plainLine } from "#src/kernel/plain.ts";

/** What was spent in a time, in all and in two ways of looking at it. */
export interface Spent {
  readonly usd: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byRunner: Readonly<Record<string, number>>;
}

const NANOS = 1_000_000_000;
/** What was measured here and not reported by anybody. */
const MEASURED = "models";

/** From the groups of the API by the labels that reported costs have. */
export function spentOf(kinds: readonly CostGroupShape[], runners: readonly CostGroupShape[]): Spent {
  const inUsd = (groups: readonly CostGroupShape[]) => Object.fromEntries(groups.map(({ key, costNanos }) => [key ?? MEASURED, costNanos / NANOS]));
  return { usd: kinds.reduce((sum, { costNanos }) => sum + costNanos, 0) / NANOS, byKind: inUsd(kinds), byRunner: inUsd(runners) };
}

/** Four places, and no zeros at the end: `$0`, `$1.5`. */
export const usdText = (usd: number): string => `$${Number(usd.toFixed(4))}`;

export function spentText(mode: string, { usd, byKind, byRunner }: Spent): string {
  const rows = (of: Readonly<Record<string, number>>): string[] => Object.entries(of).map(([name, amount]) => `  ${plainLine(name)}  ${usdText(amount)}`);
  const [kinds, runners] = [rows(byKind), rows(byRunner)];
  if (kinds.length === 0) return mode === "all" ? "Nothing was spent." : "Nothing was spent today.";
  return [`${mode}: ${usdText(usd)}`, "by kind", ...kinds, "by runner", ...runners].join("\n");
}
