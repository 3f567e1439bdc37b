import { LOOP_VERBS } from "../loop-verb-table.ts";
import { contractText } from "../render/contract.ts";
import { flagUsage, verbHelp } from "../render/help.ts";
import { answerUnknownVerb } from "../unknown-verb.ts";
import type { Verb } from "../verb.ts";

export const contractShow: Verb = {
  args: "[<verb>]",
  flags: {},
  words: { least: 0, most: 2 },
  about: "All that an agent session or a worker needs to work by: the loop, every verb, the rules, the exit codes.",
  examples: ["loop _ help", "loop _ help claim", "loop _ help --json"],
  async run(given, context) {
    if (given.words.length > 0) {
      const name = given.words.join(" ");
      if (!Object.hasOwn(LOOP_VERBS, name)) return answerUnknownVerb(["_", ...given.words], context);
      const { summary, load } = LOOP_VERBS[name]!;
      return context.print(verbHelp({ name: `_ ${name}`, summary, verb: await load() }));
    }
    const verbs = await Promise.all(
      Object.entries(LOOP_VERBS).map(async ([name, { summary, load }]) => {
        const { args, about, flags } = await load();
        return { name, summary, args, about, flags: Object.entries(flags).map(([flag, kind]) => flagUsage(flag, kind)) };
      }),
    );
    context.print(context.json ? JSON.stringify({ verbs }) : contractText(verbs));
  },
};
