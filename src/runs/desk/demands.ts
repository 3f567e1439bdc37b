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

/** What SOP and skill ask for beyond policy. They can only make the gate stricter: a skill's cost cap above the policy's changes nothing. */
export function demandsOf({ sop, skill }: Knowledge, triage: Weighed): Demand[] {
  const cap = skill?.metadata?.costCapUsd;
  const capped = cap !== undefined && (triage.costUsd === null || triage.costUsd > cap) ? [`${costText(triage.costUsd)} is above its cap of $${cap}`] : [];
  return [
    ...demand(sop && `sop:${sop.id}`, sop?.escalation, reasons(sop?.escalation, triage)),
    ...demand(skill && `skill:${skill.name}`, skill?.metadata?.approval, [...reasons(skill?.metadata?.approval, triage), ...capped]),
  ];
}

function demand(source: string | undefined, thresholds: Thresholds | undefined, why: readonly string[]): Demand[] {
  if (source === undefined || why.length === 0) return [];
  return [{ then: "ask", source, why: why.join("; "), ...(thresholds?.approvers ? { approvers: thresholds.approvers } : {}) }];
}

function reasons(thresholds: Thresholds | undefined, { severity, risks, costUsd }: Weighed): string[] {
  if (!thresholds) return [];
  const { costAboveUsd, severityAtOrAbove } = thresholds;
  const met = risks.filter((risk) => thresholds.risks.includes(risk));
  return [
    ...(severityAtOrAbove !== undefined && severity >= severityAtOrAbove ? [`severity ${severity} is ${severityAtOrAbove} or above`] : []),
    ...(costAboveUsd !== undefined && (costUsd === null || costUsd > costAboveUsd) ? [`${costText(costUsd)} is above $${costAboveUsd}`] : []),
    ...(met.length > 0 ? [`risk: ${met.join(", ")}`] : []),
  ];
}

const costText = (costUsd: number | null): string => (costUsd === null ? "an unknown cost" : `$${costUsd}`);
