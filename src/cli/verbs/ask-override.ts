import type { AskShape } from "../client/shapes.ts";
import { idPath } from "../references.ts";
import type { Verb } from "../verb.ts";
import { REASON_FLAG, requiredReason } from "./run-cancel.ts";

export const askOverride: Verb = {
  args: "<ask> <text> --reason <why>",
  flags: REASON_FLAG,
  words: { least: 2, most: 2 },
  about: "A new decision, in the record beside the first. What was already done stays done.",
  examples: ["loop override ask_0199c0ffee00712a8b6e5d4c3b2a1908 deny --reason 'the price was a mistake'"],
  async run(given, context) {
    const reason = requiredReason("override", given);
    const body = await context.api().post(`/v1/asks/${idPath(given.words[0]!)}/override`, { answer: given.words[1]!, reason });
    if (context.json) return context.print(body);
    const { plainLine } = await import("#src/kernel/plain.ts");
    const { answer } = JSON.parse(body) as AskShape;
    context.print(`Overridden: it is "${plainLine(answer ?? "")}" now.`);
  },
};
