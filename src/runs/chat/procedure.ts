import type { Procedure } from "../procedure.ts";
import { recallFirst } from "../memory/recalled.ts";
import type { Thought } from "../think/answer.ts";

/** A conversation with tools: think, perform what was called, think again, until an answer calls nothing. What it claims stays `unchecked`. */
export const chat: Procedure = {
  name: "chat",
  next(state, workspace) {
    const recall = recallFirst(state, workspace);
    if (recall) return recall;
    const last = state.messages.at(-1);
    const thought = last?.role === "thought" ? (last.content as unknown as Thought) : undefined;
    if (thought && "text" in thought && thought.toolCalls.length === 0) return { kind: "finish", outcome: { said: thought.text, checked: "unchecked" } };
    if (thought && "unable" in thought)
      return { kind: "fail", code: "thought_unusable", message: "Only a model can hold a conversation, and this run has none." };
    return { kind: "think", thought: { purpose: "chat", tier: "strong" } };
  },
};
