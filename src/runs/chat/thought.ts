import { z } from "zod";
import type { Act } from "#src/acts/act.ts";
import type { ModelMessage } from "#src/acts/ports/model-port.ts";
import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { handoverOffers } from "../handover/offers.ts";
import { offers } from "#src/policy/agent-rules.ts";
import { recalledText } from "../memory/recalled.ts";
import type { Attachment } from "#src/tickets/thread.ts";
import { handsOn } from "../handover/service-handoffs.ts";
import type { Message, RunState } from "../run.ts";
import type { Thought } from "../think/answer.ts";
import { TASK_PURPOSE } from "../think/model-policy.ts";
import type { ThoughtKind } from "../think/thought-kind.ts";

/** The whole conversation so far, with the results of its acts, and the tools that the agent may call. */
export function chatThought(tools: ToolBox): ThoughtKind {
  return {
    purpose: "chat",
    schema: (_workspace, state) => answerSchemaOf(state),
    wireSchema: (state) => (answerSchemaOf(state) ? state.run.brief.output : undefined),
    prompt(state, workspace) {
      const agent = workspace.agents.find((known) => known.name === state.run.agent);
      // Whoever works for somebody may do no more than they, so no more is offered.
      const files = [state.run.agent, ...(state.run.limits.givers ?? [])].map((name) => workspace.agents.find((known) => known.name === name));
      const offered = tools.list().filter(({ name }) => files.every((file) => file && offers(file, name)));
      return {
        system: [agent?.instructions.trim(), state.run.brief.business?.trim()].filter(Boolean).join("\n\n"),
        messages: [...recalledMessage(state), ...conversation(state)],
        tools: [...offered.map(({ name, description, schema }) => ({ name, description, schema })), ...handoverOffers(state.run, workspace)],
      };
    },
  };
}

/** Before the conversation and in no voice of authority: memories are data. */
function recalledMessage(state: RunState): ModelMessage[] {
  const text = recalledText(state);
  return text === undefined ? [] : [{ role: "user", text }];
}

const schemas = new WeakMap<object, z.ZodType>();

/** Whoever answers at the end answers in the form that was asked for; whoever hands its answer on speaks freely. */
function answerSchemaOf({ run }: RunState): z.ZodType | undefined {
  const { output } = run.brief;
  if (output === undefined || typeof output !== "object" || output === null || handsOn(run)) return undefined;
  let known = schemas.get(output);
  if (known === undefined) schemas.set(output, (known = z.fromJSONSchema(output as Parameters<typeof z.fromJSONSchema>[0])));
  return known;
}

function conversation(state: RunState): ModelMessage[] {
  return state.messages.flatMap((message): ModelMessage[] => {
    if (message.role === "input") return [saidBy(message)];
    if (message.role === "note" && message.name === "handover") return [saidBy(message)];
    if (message.role === "note") return [{ role: "assistant", text: (message.content as { text: string }).text, toolCalls: [] }];
    if (message.name === TASK_PURPOSE) return []; // what kind of work it is, is no answer to anybody
    const thought = message.content as unknown as Thought;
    if ("value" in thought) return [{ role: "assistant", text: JSON.stringify(thought.value), toolCalls: [] }];
    if ("invalid" in thought) return [{ role: "assistant", text: thought.said, toolCalls: [] }];
    if (!("text" in thought)) return [];
    const results = thought.toolCalls.flatMap((call): ModelMessage[] => {
      const act = state.acts.findLast((known) => known.facts.callId === call.callId);
      return act ? [{ role: "tool", callId: call.callId, name: call.name, result: resultOf(act) }] : [];
    });
    return [{ role: "assistant", text: thought.text, toolCalls: thought.toolCalls }, ...results];
  });
}

function saidBy({ content }: Message): ModelMessage {
  const { text, attachments = [] } = content as unknown as { readonly text: string; readonly attachments?: readonly Attachment[] };
  return { role: "user", text, ...(attachments.length === 0 ? {} : { files: attachments }) };
}

/** What the model is told of its call: the result, or why there is none. */
function resultOf(act: Act): Json {
  if (act.state === "done")
    return act.facts.editedBy === undefined ? act.result : { result: act.result, argumentsChangedBy: act.facts.editedBy, arguments: act.args };
  return { state: act.state, why: act.error?.message ?? "no answer" };
}
