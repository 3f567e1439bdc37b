import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Principal } from "#src/people/principal.ts";
import { offers } from "#src/policy/agent-rules.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { didYouMean } from "#src/workspace/nearest.ts";
import { factsOf } from "../think/tool-facts.ts";
import { createRun, type RunPlace } from "../create.ts";
import type { PlannedAct } from "../procedure.ts";
import type { ReadSoFar } from "../read-so-far.ts";

export interface WantedCall {
  readonly name: string;
  readonly args: Json;
  /** Whose policy it falls under; left out: the one agent that may call it. */
  readonly agent?: string | undefined;
  readonly by: Pick<Principal, "id" | "handle" | "roles">;
  /** What whoever calls had read; left out: a person calls. */
  readonly read?: ReadSoFar | undefined;
}

/** A call that was looked at, and not yet asked for on record. */
export interface PreparedCall {
  readonly agent: string;
  readonly act: PlannedAct;
  readonly text: string;
  readonly trust: Trust;
  readonly by: Pick<Principal, "id" | "handle">;
  readonly read?: ReadSoFar | undefined;
}

/** Looks the tool up as it is now. @throws LoopError tool_unknown | agent_unknown | input_invalid where several agents may call it */
export async function prepareCall(tools: ToolBox, workspace: Workspace, wanted: WantedCall): Promise<PreparedCall> {
  const tool = tools.get(wanted.name);
  if (!tool) throw notOn(tools, wanted.name);
  const trust: Trust = wanted.by.roles.includes("owner") ? "owner" : "member";
  const facts = { labels: {}, taint: wanted.read?.taint ?? [trust], ...(await factsOf(tool, wanted.args)) };
  return {
    agent: wanted.agent ?? onlyAgent(workspace, wanted.name),
    act: { kind: tool.kind ?? "tool", name: tool.name, effect: tool.effect, args: wanted.args, facts },
    text: `${wanted.by.handle} calls ${wanted.name}`,
    trust,
    by: { id: wanted.by.id, handle: wanted.by.handle },
    read: wanted.read,
  };
}

/** It is off, and why; or there is none of that name. */
function notOn(tools: ToolBox, name: string): LoopError {
  const states = tools.states();
  const off = states.find((state) => state.state === "off" && (state.name === name || state.name === `${name.split(".", 1)[0]}.*`));
  if (off) return new LoopError("tool_unknown", `${name} is off: ${off.why}.`, { facts: { tool: name } });
  const { hint } = didYouMean(
    name,
    states.map((state) => state.name),
  );
  const words = [`There is no tool ${name}.`, ...(hint === undefined ? [] : [hint]), "`loop tools` lists those there are."];
  return new LoopError("tool_unknown", words.join(" "), { facts: { tool: name } });
}

function onlyAgent(workspace: Workspace, name: string): string {
  const may = workspace.agents.filter((agent) => offers(agent, name)).map((agent) => agent.name);
  if (may.length === 1) return may[0]!;
  if (may.length === 0)
    throw new LoopError("agent_unknown", `No agent of the workspace is offered ${name}, so nobody may call it. Add it to \`tools\` of an agent.`);
  throw new LoopError("input_invalid", `Several agents may call ${name}: ${may.join(", ")}. Say under whose policy, with --agent.`);
}

/** Queues the run with the one call. @throws LoopError agent_unknown */
export function requestCall(db: Db, place: RunPlace, prepared: PreparedCall): Promise<RunId> {
  const { agent, act, text, trust, by, read } = prepared;
  const input = { text, source: by.handle, trust };
  const request = { agent, ticketId: null, threadId: null, labels: {}, input, requestedBy: by.id, call: act, ...(read ? { brief: { ...read } } : {}) };
  return inTransaction(db, (tx) => createRun(tx, place, request));
}
