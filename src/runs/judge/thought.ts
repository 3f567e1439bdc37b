import type { ModelMessage } from "#src/acts/ports/model-port.ts";
import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import { chatThought } from "../chat/thought.ts";
import type { ThoughtKind } from "../think/thought-kind.ts";
import { CONSTITUTION, INSTRUCTIONS } from "./instructions.ts";

export const JUDGE_PURPOSE = "judge";

/** What the file of the agent may add to the instructions. */
const MOST_OWN = 8_000;

/** The world as it was when the decision began, as one message, and what was called since. The world is kept in entries of their own, so that each says where it came from. */
export function judgeThought(tools: ToolBox): ThoughtKind {
  const chat = chatThought(tools);
  return {
    purpose: JUDGE_PURPOSE,
    prompt(state, workspace) {
      const { system: own, messages, tools: offered } = chat.prompt(state, workspace);
      const system = [INSTRUCTIONS, ...(own === "" ? [] : [own.slice(0, MOST_OWN)]), "", CONSTITUTION].join("\n");
      return { system, messages: withWorldAsOne(messages), tools: offered };
    },
  };
}

function withWorldAsOne(messages: readonly ModelMessage[]): ModelMessage[] {
  const end = messages.findIndex(({ role }) => role !== "user");
  const world = messages.slice(0, end === -1 ? messages.length : end);
  const text = world.map((message) => ("text" in message ? message.text : "")).join("\n\n");
  return [{ role: "user", text }, ...messages.slice(world.length)];
}
