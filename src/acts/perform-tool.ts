import type { NewAsk } from "#src/asks/ask.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { Act } from "./act.ts";
import { argsProblem } from "./check-args.ts";
import type { Performer, Situation } from "./performer.ts";
import type { ToolBox, ToolPort, ToolQuestion } from "./ports/tool-port.ts";
import { secretIn } from "./secret-shapes.ts";
import { without } from "./without-secrets.ts";

/**
 * Acts of kind `tool` and `shell`: by name, through the port that was registered under it. Arguments that do not fit the schema of the tool, and secrets in what would
 * go outside, are refused before policy or a person sees them. What a tool gives back, or says of its failure, is kept and shown to a model without the secrets that this
 * process knows: a service may echo the very key that it was asked with.
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
      const isOutbound = port.terms?.outbound ?? act.facts.outbound;
      const secret = isOutbound || port.keepsArgs ? secretIn(act.args, redactor) : null;
      if (secret !== null && isOutbound) throw refused(act, `The arguments of ${act.name} go outside, and ${secret}. Nothing was sent; call it without.`);
      if (secret !== null) throw refused(act, `The arguments of ${act.name} are kept or shown to people, and ${secret}. Nothing was kept; call it without.`);
      port.check?.(act.args);
    },
    async perform(act, { runId, agent, ticketId, threadId, labels, signal, cleared, revision }) {
      const use = { actKey: act.key, runId, agent, ticketId, threadId, labels, signal, cleared };
      const port = portOf(act);
      if (port.question) return { kind: "asking", ask: askOf(act, await port.question(act.args, use), { ticketId, revision }), result: {} };
      return { kind: "done", result: without(await saidWithout(() => port.invoke(act.args, use), redactor), redactor) };
    },
    async find(act, { signal }) {
      const found = await saidWithout(() => portOf(act).find?.(act.key, signal, act.args) ?? Promise.resolve(undefined), redactor);
      return found === undefined ? undefined : { kind: "done", result: without(found, redactor) };
    },
  };
}

/** Takes secrets out of what a failure says. */
async function saidWithout<T>(call: () => Promise<T>, redactor: Pick<Redactor, "redact">): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    const message = redactor.redact(error.message);
    throw message === error.message ? error : new LoopError(error.code, message, { facts: error.facts, cause: error });
  }
}

/** The id is made of the act's, so that a crash before its record opens no second ask. */
function askOf(act: Act, { text, options, approvers }: ToolQuestion, { ticketId, revision }: Pick<Situation, "ticketId" | "revision">): NewAsk {
  return {
    id: `ask_${act.id.slice("act_".length)}` as NewAsk["id"],
    kind: options.length > 0 ? "choice" : "question",
    purpose: "question",
    runId: act.runId,
    actId: act.id,
    ticketId: ticketId as NewAsk["ticketId"],
    prompt: text,
    detail: {},
    options,
    approvers,
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [],
    revision,
  };
}

const refused = (act: Act, message: string): LoopError => new LoopError("input_invalid", message, { facts: { act: act.id, tool: act.name } });
