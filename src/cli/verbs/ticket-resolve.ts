import type { AskShape } from "../client/shapes.ts";
import { ticketPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const ticketResolve: Verb = {
  args: "<ticket>",
  flags: { reason: { takes: "text", value: "why", means: "why; kept in the record" } },
  words: { least: 1, most: 1 },
  about:
    "Your word that the work is done. Where a check is declared, the system runs it now and resolves the ticket only if it passes; where none is, the receipt says unchecked.",
  examples: ["loop resolve 12", "loop resolve 12 --reason 'I looked at it myself'"],
  async run(given, context) {
    const reason = given.text("reason");
    const path = ticketPath(given.words[0]!);
    const body = await context.api().post(`/v1/tickets/${path}/resolve`, reason === undefined ? {} : { reason });
    if (context.json) return context.print(body);
    const { answeredText } = await import("../render/answered.ts");
    context.print(answeredText(JSON.parse(body) as { outcome: string; missing: number; ask: AskShape }));
    context.say(`If a check is declared it runs now: ${context.command()} ticket ${path}`);
  },
};
