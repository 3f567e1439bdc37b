import { z } from "zod";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { ensureAgentPrincipal } from "#src/people/agent-principal.ts";
import { requirePermission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import type { LoopDeps, LoopVerb } from "../contract/verb.ts";
import { LOOP_VERBS } from "../contract/verbs.ts";
import { noteAction } from "../store/action-lines.ts";
import { actionOf, runOfAct } from "../store/judgements.ts";
import { TOOL_TERMS, type VerbTerms } from "./tool-terms.ts";

const SAID_BY_ACT = { tokenId: "tkn_act", scopes: ["pulse:steer", "pulse:work", "read"] } as const;

/** The name of a verb as a tool: `goal write` is `loop.goal_write`. */
const toolName = (verb: Pick<LoopVerb, "name">): string => `loop.${verb.name.replaceAll(" ", "_")}`;

/**
 * The verbs of the contract as tools. Whoever calls one speaks as the principal `agent:<name>` with its run; the gate decides on each call as on any other, and an
 * agent is offered only what its file names. `deps`: asked when a tool is called, since the parts that verbs need are made later.
 */
export function loopTools(deps: () => Promise<LoopDeps>): ToolPort[] {
  const tools = LOOP_VERBS.flatMap((verb) => {
    const terms = TOOL_TERMS[verb.name];
    return terms ? [toolOf(verb, terms, deps)] : [];
  });
  return [...tools, wakeIn];
}

function toolOf(verb: LoopVerb, { effect, terms, outlasts, happened }: VerbTerms, deps: () => Promise<LoopDeps>): ToolPort {
  const read = (args: Json): unknown => {
    const given = verb.input.safeParse(args);
    if (given.success) return given.data;
    throw new LoopError("input_invalid", `${toolName(verb)} cannot be done so: ${z.prettifyError(given.error)}`);
  };
  return {
    name: toolName(verb),
    description: verb.summary,
    schema: schemaOf(verb),
    effect,
    terms,
    keepsArgs: true,
    check: (args) => void read(args),
    async invoke(args, use) {
      const held = await deps();
      const principal = await ensureAgentPrincipal(held.db, held.clock, { name: use.agent, role: "agent" });
      const caller: Caller = { ...principal, ...SAID_BY_ACT, runId: outlasts ? null : use.runId, actKey: use.actKey };
      requirePermission(caller, verb.access);
      return (await verb.perform(held, { caller, signal: use.signal }, read(args))) as Json;
    },
    ...(effect === "findable" ? { find: async (actKey, _signal, args) => foundAgain(await deps(), { actKey, args, happened }) } : {}),
  };
}

interface Sought {
  readonly happened: VerbTerms["happened"] | undefined;
  readonly actKey: string;
  readonly args: Json;
}

/** What the journal says of an act whose outcome a crash kept off the record, or what its effect shows of it where the line was still missing. */
async function foundAgain(deps: LoopDeps, { actKey, args, happened }: Sought): Promise<Json | undefined> {
  const line = await actionOf(deps.db, actKey);
  if (line !== undefined) return { done: line };
  const missing = await happened?.(deps, args as { readonly [key: string]: Json });
  if (missing === undefined) return undefined;
  const { runId, agent } = await runOfAct(deps.db, actKey);
  const { id } = await ensureAgentPrincipal(deps.db, deps.clock, { name: agent, role: "agent" });
  await noteAction(deps.db, deps.clock, { caller: { id, runId, actKey }, line: missing });
  return { done: missing };
}

/** Objects of JSON Schema without what only some readers know. */
function schemaOf({ input }: LoopVerb): Json {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(input, { io: "input" }) as { readonly [key: string]: Json };
  return schema;
}

/** It wakes nobody itself: what ended a decision is looked at when the next one is due. */
const wakeIn: ToolPort = {
  name: "loop.wake_in",
  description: "Be woken again after so many seconds, 5 to 300, though nothing moves. Otherwise you are woken when something does.",
  schema: { type: "object", properties: { seconds: { type: "number", minimum: 5, maximum: 300 } }, required: ["seconds"], additionalProperties: false },
  effect: "idempotent",
  terms: { risk: "low", untrusted: false },
  invoke: (args) => Promise.resolve({ wakesInSeconds: (args as { seconds: number }).seconds }),
};
