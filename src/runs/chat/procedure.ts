import { recallFirst } from "../memory/recalled.ts";
import { HANDOFF } from "../handover/args.ts";
import { confirmationOf, dueHandoff } from "../handover/service-handoffs.ts";
import type { Procedure, Step } from "../procedure.ts";
import type { RunState } from "../run.ts";
import type { Thought } from "../think/answer.ts";
import { TASK_PURPOSE } from "../think/model-policy.ts";
import { SET_UP_MODEL } from "../think/set-up-model.ts";

/**
 * A conversation with tools: think, perform what was called, think again, until an answer calls nothing. Where an answer in a form was asked for, one that does
 * not fit is repaired once. A service may hand over by itself between two thoughts. What is claimed stays `unchecked`.
 */
export const chat: Procedure = {
  name: "chat",
  next: (state, workspace) => recallFirst(state, workspace) ?? converse(state, "chat"),
};

/** Goes on with the conversation; `purpose`: of the next thought. */
export function converse(state: RunState, purpose: string): Step {
  const spoken = state.messages.filter(({ name }) => name !== TASK_PURPOSE); // what kind of work it is, is no answer
  const last = spoken.at(-1);
  const thought = last?.role === "thought" ? (last.content as unknown as Thought) : undefined;
  const answered = thought !== undefined && (("text" in thought && thought.toolCalls.length === 0) || "value" in thought);
  const due = dueHandoff(state, answered);
  if (due) return handOff(state, due);
  const invalid = trailingInvalid(spoken);
  if (invalid.length >= MOST_INVALID) return { kind: "fail", code: state.run.brief.unusable ?? "output_unusable", message: unusable(invalid) };
  if (thought && "unable" in thought)
    return { kind: "fail", code: "thought_unusable", message: `Only a model can hold a conversation, and this run has none. ${SET_UP_MODEL}` };
  if (thought && "value" in thought) return { kind: "finish", outcome: { said: JSON.stringify(thought.value), value: thought.value, checked: "unchecked" } };
  if (thought && "text" in thought && answered) return { kind: "finish", outcome: { said: withQuestion(state, thought.text), checked: "unchecked" } };
  return { kind: "think", thought: { purpose, tier: "strong", ...(thought && "invalid" in thought ? { repair: thought.invalid } : {}) } };
}

const MOST_INVALID = 2;

function trailingInvalid(messages: RunState["messages"]): string[] {
  const found: string[] = [];
  for (const { role, content } of messages.toReversed()) {
    const thought = content as unknown as Thought;
    if (role !== "thought" || !("invalid" in thought)) break;
    found.unshift(thought.invalid);
  }
  return found;
}

const unusable = (invalid: readonly string[]): string => `No answer fitted what was asked for, after one repair: ${invalid.at(-1)!.slice(0, 500)}`;

function withQuestion({ run }: RunState, text: string): string {
  const question = confirmationOf(run);
  return question === undefined ? text : `${text}\n\n${question}`;
}

function handOff({ run }: RunState, { to, reason }: { readonly to: string; readonly reason: string }): Step {
  const act = { kind: "handoff", name: HANDOFF + to, effect: "idempotent", args: { reason }, facts: { labels: run.labels, ofProcedure: true } } as const;
  return { kind: "plan", acts: [act] };
}
