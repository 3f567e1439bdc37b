import { EXIT } from "../exit-codes.ts";
import { overview, verbHelp } from "../render/help.ts";
import type { Verb } from "../verb.ts";
import { findVerb } from "../verb-table.ts";
import { answerUnknownVerb } from "../unknown-verb.ts";

export const helpShow: Verb = {
  args: "[<verb>]",
  flags: {},
  words: { least: 0, most: 3 },
  examples: ["loop help", "loop help approve"],
  async run(given, context) {
    if (given.words.length === 0) return context.print(overview());
    if (given.words[0] === "_") return (await import("../loop-verbs/contract-show.ts")).contractShow.run({ ...given, words: given.words.slice(1) }, context);
    const found = findVerb(given.words);
    if (!found || found.rest.length > 0) return answerUnknownVerb(given.words, context);
    context.print(verbHelp({ name: found.name, summary: found.row.summary, verb: await found.row.load() }));
    return EXIT.done;
  },
};
