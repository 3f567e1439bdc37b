import { LoopError } from "#src/kernel/errors.ts";
import { phraseHits } from "#src/brain/words.ts";
import type { Trigger, Workspace } from "#src/workspace/model.ts";
import type { InboundMessage } from "./read-message.ts";

export interface Routed {
  readonly agent: string;
  readonly reason: string;
  /** The kind of task that the run begins with. */
  readonly task?: string | undefined;
}

type Message = Pick<InboundMessage, "agent" | "labels" | "surface" | "sender" | "text">;

/** Which agent gets a message, and why, in words that are stored with the ticket: whom the sender names, then the first trigger that fits, then labels. @throws LoopError agent_unknown */
export function route(workspace: Workspace, message: Message): Routed {
  if (message.agent !== undefined) {
    if (workspace.agents.some((agent) => agent.name === message.agent)) return { agent: message.agent, reason: "the sender named it" };
    throw new LoopError("agent_unknown", `There is no agent ${message.agent}. Known: ${workspace.agents.map((agent) => agent.name).join(", ") || "none"}.`, {
      facts: { agent: message.agent },
    });
  }
  const triggered = firstTrigger(workspace.triggers, message);
  if (triggered) return triggered;
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

/** In order of file; all that a trigger names must fit. */
function firstTrigger(triggers: readonly Trigger[], message: Message): Routed | undefined {
  for (const { name, agent, task, on } of triggers) {
    const why = "message" in on ? fits(on.message, message) : undefined;
    if (why !== undefined) return { agent, task, reason: `the trigger ${name} fits${why === "" ? " every message" : `: ${why}`}` };
  }
  return undefined;
}

type Wanted = Extract<Trigger["on"], { readonly message: unknown }>["message"];

/** What fitted, in words; undefined: something did not. */
function fits({ surface, sender, labels, phrases }: Wanted, message: Message): string | undefined {
  const hits = phraseHits(message.text, phrases);
  const isFit =
    (surface === undefined || surface === message.surface) &&
    (sender === undefined || sender === message.sender) &&
    Object.entries(labels).every(([key, value]) => Object.hasOwn(message.labels, key) && message.labels[key] === value) &&
    (phrases.length === 0 || hits.length > 0);
  if (!isFit) return undefined;
  const said = hits[0] === undefined ? [] : [`it says ${JSON.stringify(hits[0])}`];
  const where = [...(surface === undefined ? [] : [`it came on ${surface}`]), ...(sender === undefined ? [] : [`${sender} sent it`])];
  return [...where, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`), ...said].join(", ");
}
