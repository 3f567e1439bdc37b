import type { ToolOffer } from "#src/acts/ports/model-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { Run } from "../run.ts";
import { DELEGATE, DELEGATION_SCHEMA, HANDOFF, HANDOVER_SCHEMA } from "./args.ts";
import { agentProblem, handoverProblem, MOST_DEEP } from "./limits.ts";

/** The agents that the file of this one names, as tools: those that can really take over, or take a part of the work, now. */
export function handoverOffers(run: Pick<Run, "agent" | "brief" | "limits">, workspace: Workspace): ToolOffer[] {
  const find = (name: string) => workspace.agents.find((known) => known.name === name);
  const agent = find(run.agent);
  if (!agent) return [];
  const about = (name: string): string => (find(name)?.description ? ` ${name}: ${find(name)!.description}` : "");
  const handoffs = agent.handoffs
    .filter((to) => handoverProblem(run, to, workspace) === undefined)
    .map((to) => ({
      name: HANDOFF + to,
      description: `Hand this over to ${to}, who takes it from here; you are done.${about(to)}`,
      schema: HANDOVER_SCHEMA as Json,
    }));
  const delegates = agent.delegates
    .filter((to) => to !== agent.name && agentProblem(find(to), to) === undefined && (run.limits.givers?.length ?? 0) < MOST_DEEP)
    .map((to) => ({ name: DELEGATE + to, description: `Give ${to} a part of the work and get its answer.${about(to)}`, schema: DELEGATION_SCHEMA as Json }));
  return [...handoffs, ...delegates];
}
