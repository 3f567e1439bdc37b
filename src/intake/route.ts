import { LoopError } from "#src/kernel/errors.ts";
import type { Workspace } from "#src/workspace/model.ts";

/** Which agent gets a message, and why, in words that are stored with the ticket. @throws LoopError agent_unknown */
export function route(
  workspace: Workspace,
  message: { readonly agent?: string | undefined; readonly labels: Readonly<Record<string, string>> },
): { agent: string; reason: string } {
  if (message.agent !== undefined) {
    if (workspace.agents.some((agent) => agent.name === message.agent)) return { agent: message.agent, reason: "the sender named it" };
    throw new LoopError("agent_unknown", `There is no agent ${message.agent}. Known: ${workspace.agents.map((agent) => agent.name).join(", ") || "none"}.`, {
      facts: { agent: message.agent },
    });
  }
  const handling = workspace.agents
    .map((agent) => ({ agent, wanted: Object.entries(agent.handles.labels) }))
    .filter(({ wanted }) => wanted.length > 0 && wanted.every(([key, value]) => message.labels[key] === value))
    .toSorted((a, b) => b.wanted.length - a.wanted.length)[0];
  if (handling) return { agent: handling.agent.name, reason: `it handles ${handling.wanted.map(([key, value]) => `${key}=${value}`).join(", ")}` };
  const usual = workspace.manifest.defaults.agent ?? workspace.agents[0]?.name;
  if (usual !== undefined)
    return {
      agent: usual,
      reason:
        workspace.manifest.defaults.agent === undefined ? "it is the first agent of the workspace" : "it is the agent that loop.yaml names for everything else",
    };
  throw new LoopError("agent_unknown", "The workspace has no agent. Add one under agents/, then `loop apply`.");
}
