import { type Agent, type Workspace } from "#src/workspace/model.ts";
import type { Run } from "../run.ts";

/** How many agents may have one run, one after the other. */
const MOST_IN_CHAIN = 5;
/** How often one run may go back and forth. */
const MOST_HANDOVERS = 10;
/** How deep work may be given on, how many parts one run may give away, and how many runs one of them all may become. */
export const MOST_DEEP = 3;
export const MOST_PARTS = 8;
export const MOST_IN_TREE = 24;

/** The agents that had a run, the present one last. */
export const chainOf = ({ agent, brief }: Pick<Run, "agent" | "brief">): readonly string[] => brief.chain ?? [agent];

/** Whether handing over to this agent is giving the run back to whoever gave it. */
export const isReturn = (run: Pick<Run, "agent" | "brief">, to: string): boolean => chainOf(run).at(-2) === to;

/** Why a run cannot be handed to an agent; undefined: it can. */
export function handoverProblem(run: Pick<Run, "agent" | "brief">, to: string, workspace: Workspace): string | undefined {
  const chain = chainOf(run);
  const agent = workspace.agents.find(({ name }) => name === to);
  const unfit = agentProblem(agent, to);
  if (unfit) return unfit;
  if (to === run.agent) return `${to} has this run already`;
  if ((run.brief.handovers ?? 0) >= MOST_HANDOVERS) return `this run was handed over ${MOST_HANDOVERS} times; finish it`;
  if (isReturn(run, to)) return undefined;
  if (chain.includes(to)) return `${to} had this run before; it can only go back to ${chain.at(-2)}, who gave it`;
  if (chain.length >= MOST_IN_CHAIN) return `${chain.length} agents had this run, and that is the most: ${chain.join(", ")}`;
  return undefined;
}

/** Why an agent cannot take work that another gives it. */
export function agentProblem(agent: Agent | undefined, name: string): string | undefined {
  if (!agent) return `there is no agent ${name} in the workspace`;
  if (agent.procedure !== "chat") return `${name} works by the procedure ${agent.procedure}; only an agent with the procedure chat can take over`;
  if (agent.runner === "command") return `${name} starts a program; only an agent with a model can take over`;
  if (agent.runner === "rules") return `${name} works by rules alone; only an agent with a model can take over`;
  return undefined;
}
