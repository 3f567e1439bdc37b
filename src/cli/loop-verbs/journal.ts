import { UsageError } from "../arguments.ts";
import type { Verb } from "../verb.ts";
import { bodyOf } from "./body.ts";
import { look, speak } from "./speak.ts";

export const journal: Verb = {
  args: "",
  flags: { limit: { takes: "text", value: "number", means: "how many; 20 where it is left out" } },
  words: { least: 0, most: 0 },
  about: "What was done by these verbs, a line each, oldest first. `loop feed --after 0` lists everything that happened.",
  examples: ["loop _ journal", "loop _ journal --limit 100 --json"],
  async run(given, context) {
    const limit = given.text("limit");
    if (limit !== undefined && !/^\d{1,4}$/.test(limit))
      throw new UsageError(`--limit got ${JSON.stringify(limit.slice(0, 60))}. Expected a number from 1 to 1000.`);
    const body = await look(context, "journal", { limit });
    if (context.json) return context.print(body);
    const { lines } = JSON.parse(body) as { lines: readonly { readonly text: string }[] };
    context.print(lines.length === 0 ? "the journal is empty" : lines.map(({ text }) => text).join("\n"));
  },
};

export const journalWrite: Verb = {
  args: "[<text> | -]",
  flags: {},
  words: { least: 0, most: 1_000 },
  examples: ["loop _ journal write 'the supplier is away until Monday'"],
  async run(given, context) {
    const text = await bodyOf(given.words, { what: "line", usage: "loop _ journal write <text>" });
    return speak(context, "journal write", { input: { text }, words: () => "write-journal" });
  },
};
