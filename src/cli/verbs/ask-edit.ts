import { UsageError } from "../arguments.ts";
import type { AskShape } from "../client/shapes.ts";
import { askFor } from "../references.ts";
import type { Verb } from "../verb.ts";

export const askEdit: Verb = {
  args: "<ask-or-ticket>",
  flags: {
    set: { takes: "text", value: "name=value", means: "one argument: text as it is, or JSON" },
    args: { takes: "text", value: "json", means: "all arguments, as one JSON object" },
    reason: { takes: "text", value: "why", means: "why; kept in the record" },
  },
  words: { least: 1, most: 1 },
  about: "Nothing is done by this: the act is planned anew with these arguments, and where policy asks, a new question opens for exactly those.",
  examples: ["loop edit 12 --set 'text=Please come before noon.'", 'loop edit ask_0199c0ffee00712a8b6e5d4c3b2a1908 --args \'{"title":"Drip"}\''],
  async run(given, context) {
    const sought = { typed: given.words[0]!, fits: ({ kind }: AskShape) => kind === "approval", what: "act that waits for an approval" };
    const ask = await askFor(context.api(), sought);
    const args = changed(ask, { set: given.text("set"), args: given.text("args") });
    const reason = given.text("reason");
    const body = await context.api().post(`/v1/asks/${ask.id}/edit`, { args, ...(reason === undefined ? {} : { reason }) });
    if (context.json) return context.print(body);
    context.print(`It is planned anew with these arguments. If policy asks, the new question is in ${context.command()} asks.`);
  },
};

function changed(ask: AskShape, { set, args }: { set: string | undefined; args: string | undefined }): unknown {
  if ((set === undefined) === (args === undefined)) throw new UsageError("Say what to change: either --set name=value, or --args with all arguments.");
  if (args !== undefined) {
    const all = jsonOf(args);
    if (typeof all !== "object" || all === null || Array.isArray(all))
      throw new UsageError(`--args got ${JSON.stringify(args.slice(0, 60))}. Expected one JSON object.`);
    return all;
  }
  const [, name, value] = /^([^=\s]+)=([^]*)$/.exec(set!) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--set got ${JSON.stringify(set!.slice(0, 60))}. Expected name=value.`);
  const before = ask.detail["args"] as Readonly<Record<string, unknown>>;
  if (!Object.hasOwn(before, name)) throw new UsageError(`There is no argument ${name}. There are: ${Object.keys(before).join(", ")}.`);
  return { ...before, [name]: typeof before[name] === "string" ? value : (jsonOf(value) ?? value) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
