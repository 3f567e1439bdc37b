import { LoopError } from "#src/kernel/errors.ts";
import type { Act } from "./act.ts";
import type { Performer } from "./performer.ts";
import type { ToolPort } from "./ports/tool-port.ts";

/** Acts of kind `tool`: by name, through the port that was registered under it. */
export function toolPerformer(tools: ReadonlyMap<string, ToolPort>): Performer {
  const portOf = (act: Act): ToolPort => {
    const port = tools.get(act.name);
    if (port) return port;
    throw new LoopError("input_invalid", `There is no tool ${act.name}. Known: ${[...tools.keys()].join(", ") || "none"}.`, { facts: { tool: act.name } });
  };
  return {
    check: (act) => void portOf(act),
    async perform(act, { signal }) {
      return { kind: "done", result: await portOf(act).invoke(act.args, act.key, signal) };
    },
    async find(act, { signal }) {
      const found = await portOf(act).find?.(act.key, signal);
      return found === undefined ? undefined : { kind: "done", result: found };
    },
  };
}
