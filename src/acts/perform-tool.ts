import { LoopError } from "#src/kernel/errors.ts";
import type { Act } from "./act.ts";
import type { Performer } from "./performer.ts";
import type { ToolBox, ToolPort } from "./ports/tool-port.ts";

/** Acts of kind `tool` and `shell`: by name, through the port that was registered under it. */
export function toolPerformer(tools: ToolBox): Performer {
  const portOf = (act: Act): ToolPort => {
    const port = tools.get(act.name);
    if (port) return port;
    throw new LoopError(
      "input_invalid",
      `There is no tool ${act.name}. Known: ${
        tools
          .list()
          .map(({ name }) => name)
          .join(", ") || "none"
      }.`,
      { facts: { tool: act.name } },
    );
  };
  return {
    check: (act) => portOf(act).check?.(act.args),
    async perform(act, { runId, agent, ticketId, threadId, labels, signal, cleared }) {
      const use = { actKey: act.key, runId, agent, ticketId, threadId, labels, signal, cleared };
      return { kind: "done", result: await portOf(act).invoke(act.args, use) };
    },
    async find(act, { signal }) {
      const found = await portOf(act).find?.(act.key, signal, act.args);
      return found === undefined ? undefined : { kind: "done", result: found };
    },
  };
}
