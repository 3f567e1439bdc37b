import { compareStrictness } from "#src/policy/decision.ts";
import { rulesOf } from "#src/acts/gate.ts";
import { decide } from "#src/policy/decide.ts";
import type { ProposedAct } from "#src/policy/proposed-act.ts";
import type { Workspace } from "#src/workspace/model.ts";

/**
 * A dispatch for which the second workspace is milder than the first, in words; undefined: none was found. A rule that asks also answers where no rule did,
 * and what no rule allows is denied. Pure.
 */
export function milderDispatch(before: Workspace, after: Workspace, category: string): string | undefined {
  const [old, now] = [rulesOf(before), rulesOf(after)];
  const milder = dispatches(before, category).find((act) => compareStrictness(decide(now, act), decide(old, act)) > 0);
  if (milder === undefined) return undefined;
  const cost = milder.costUsd === null ? "an unknown cost" : `$${milder.costUsd}`;
  return `a dispatch of ${category} at severity ${milder.severity} and ${cost} is ${decide(old, milder).outcome === "deny" ? "denied" : "asked for"} today`;
}

/** One of each kind that policy tells apart: by severity, by cost round each bound that a rule names, by agent. */
function dispatches(workspace: Workspace, category: string): ProposedAct[] {
  const bounds = workspace.policies.flatMap(({ rules }) =>
    rules.flatMap(({ when }) => (when.cost ? ["aboveUsd" in when.cost ? when.cost.aboveUsd : when.cost.upToUsd] : [])),
  );
  const costs = [...new Set([null, 0, ...bounds.flatMap((bound) => [bound, bound + 0.01])])];
  const agents = workspace.agents.length > 0 ? workspace.agents.map((agent) => agent.name) : ["desk"];
  return agents.flatMap((agent) =>
    costs.flatMap((costUsd) =>
      [1, 2, 3, 4, 5].map((severity) => ({
        kind: "message" as const,
        name: "dispatch",
        effect: "findable" as const,
        agent,
        severity,
        costUsd,
        risk: severity >= 4 ? ("high" as const) : severity === 3 ? ("medium" as const) : ("low" as const),
        labels: { category },
        taint: ["outside" as const, "agent" as const],
      })),
    ),
  );
}
