import { LoopError } from "#src/kernel/errors.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { Act } from "./act.ts";
import { argsProblem } from "./check-args.ts";
import type { Performer } from "./performer.ts";
import type { ToolBox, ToolPort } from "./ports/tool-port.ts";
import { secretIn } from "./secret-shapes.ts";

/**
 * Acts of kind `tool` and `shell`: by name, through the port that was registered under it. Arguments that do not fit the schema of the tool, and secrets in what would
 * go outside, are refused before policy or a person sees them.
 */
export function toolPerformer(tools: ToolBox, redactor: Pick<Redactor, "redact">): Performer {
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
    check(act) {
      const port = portOf(act);
      const problem = argsProblem(port.schema, act.args);
      if (problem !== null) throw refused(act, `The arguments of ${act.name} do not fit: ${problem}. Nothing was done; call it again with arguments that fit.`);
      const secret = (port.terms?.outbound ?? act.facts.outbound) ? secretIn(act.args, redactor) : null;
      if (secret !== null) throw refused(act, `The arguments of ${act.name} go outside, and ${secret}. Nothing was sent; call it without.`);
      port.check?.(act.args);
    },
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

const refused = (act: Act, message: string): LoopError => new LoopError("input_invalid", message, { facts: { act: act.id, tool: act.name } });
