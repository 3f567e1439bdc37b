import { compareStrictness } from "#src/policy/decision.ts";
import type { Approvers } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ResolvedCase } from "./case.ts";
import { replay } from "./replay.ts";
import { SEVERITIES } from "./skill-test.ts";

/** What a learned skill asks for beyond policy. */
export interface LearnedApproval {
  readonly severityAtOrAbove: number;
  readonly risks: readonly string[];
  readonly approvers?: Approvers;
}

/**
 * The strictest of what was demanded: a person is asked from the lowest severity at which one was asked then, or would be asked without the skill. What
 * the skill makes known, a price above all, opens no gate that the unknown kept shut. Undefined: nobody was asked and nobody would be. Pure.
 */
export function approvalOf(cases: readonly ResolvedCase[], workspace: Workspace): LearnedApproval | undefined {
  const held = cases.filter(({ approved }) => approved?.wasAsked === true);
  const without = cases.flatMap((known) => SEVERITIES.map((severity) => replay(known, workspace, severity)));
  const asked = without.filter((replayed) => replayed.kind === "dispatch").filter(({ decision }) => decision.outcome !== "allow");
  const severities = [...held.map(({ severity }) => severity), ...asked.map(({ act }) => act.facts.severity ?? 1)];
  if (severities.length === 0) return undefined;
  const whoever = [...held.map(({ approved }) => approved!.approvers), ...asked.map(({ decision }) => decision.approvers)];
  const approvers = strictest(whoever.flatMap((who) => (who ? [present(who, workspace)] : [])).filter((who) => who.roles.length + who.names.length > 0));
  return {
    severityAtOrAbove: Math.min(...severities),
    risks: [...new Set(held.flatMap(({ ticket }) => ticket.triage?.risks ?? []))].toSorted(),
    ...(approvers ? { approvers } : {}),
  };
}

const strictest = (all: readonly Approvers[]): Approvers | undefined =>
  all.toSorted((a, b) => compareStrictness({ outcome: "ask", approvers: a }, { outcome: "ask", approvers: b }))[0];

/** Without people who have left the team since: a skill may only name those there are. */
const present = ({ roles, names }: Approvers, { team }: Workspace): Approvers => ({
  roles: [...roles],
  names: names.filter((name) => team.some((member) => member.id === name)),
});
