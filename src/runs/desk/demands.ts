import type { Demand } from "#src/policy/proposed-act.ts";
import type { Approvers } from "#src/workspace/manifest/common.ts";
import type { Triage } from "#src/tickets/ticket.ts";
import type { Knowledge } from "./knowledge.ts";

type Weighed = Pick<Triage, "severity" | "risks" | "costUsd">;

interface Thresholds {
  readonly costAboveUsd?: number | undefined;
  readonly severityAtOrAbove?: number | undefined;
  readonly risks: readonly string[];
  readonly approvers?: Approvers | undefined;
}

/**
 * What SOP and skill ask for beyond policy. They can only make the gate stricter: a skill's cost cap above the policy's changes nothing. A draft that names no
 * cost is weighed by what SOP and skill estimate, the higher of them; policy goes on to see a cost that nobody knows.
 */
export function demandsOf({ sop, skill }: Pick<Knowledge, "sop" | "skill">, triage: Weighed): Demand[] {
  const cost = costOf([sop?.costEstimateUsd, skill?.metadata?.costEstimateUsd], triage);
  const cap = skill?.metadata?.costCapUsd;
  const capped = cap !== undefined && isAbove(cost, cap) ? [`${cost.words} is above its cap of $${cap}`] : [];
  return [
    ...demand(sop && `sop:${sop.id}`, sop?.escalation, reasons(sop?.escalation, triage, cost)),
    ...demand(skill && `skill:${skill.name}`, skill?.metadata?.approval, [...reasons(skill?.metadata?.approval, triage, cost), ...capped]),
  ];
}

interface Cost {
  /** Null: nobody knows. */
  readonly usd: number | null;
  readonly words: string;
}

function costOf(estimates: readonly (number | undefined)[], { costUsd }: Weighed): Cost {
  if (costUsd !== null) return { usd: costUsd, words: `$${costUsd}` };
  const known = estimates.filter((estimate) => estimate !== undefined);
  if (known.length === 0) return { usd: null, words: "an unknown cost" };
  const highest = Math.max(...known);
  return { usd: highest, words: `the estimate of $${highest}` };
}

const isAbove = (cost: Cost, bound: number): boolean => cost.usd === null || cost.usd > bound;

function demand(source: string | undefined, thresholds: Thresholds | undefined, why: readonly string[]): Demand[] {
  if (source === undefined || why.length === 0) return [];
  return [{ then: "ask", source, why: why.join("; "), ...(thresholds?.approvers ? { approvers: thresholds.approvers } : {}) }];
}

function reasons(thresholds: Thresholds | undefined, { severity, risks }: Weighed, cost: Cost): string[] {
  if (!thresholds) return [];
  const { costAboveUsd, severityAtOrAbove } = thresholds;
  const met = risks.filter((risk) => thresholds.risks.includes(risk));
  return [
    ...(severityAtOrAbove !== undefined && severity >= severityAtOrAbove ? [`severity ${severity} is ${severityAtOrAbove} or above`] : []),
    ...(costAboveUsd !== undefined && isAbove(cost, costAboveUsd) ? [`${cost.words} is above $${costAboveUsd}`] : []),
    ...(met.length > 0 ? [`risk: ${met.join(", ")}`] : []),
  ];
}
