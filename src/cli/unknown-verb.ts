import { nearest } from "#src/workspace/nearest.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { plainLine } from "#src/kernel/plain.ts";
import type { Context } from "./verb.ts";
import { VERBS, verbsUnder } from "./verb-table.ts";

const MOST_CHARACTERS = 60;

/** Says what there is instead: the verbs of two words that begin so, or the one that was probably meant. */
export function answerUnknownVerb(args: readonly string[], { command, say }: Context): ExitCode {
  const [first = "", second = ""] = args;
  const under = verbsUnder(first);
  if (under.length > 0) {
    say(`\`loop ${first}\` needs one more word. There is:\n${under.map((name) => `  ${command()} ${name}`.padEnd(30) + VERBS[name]!.summary).join("\n")}`);
    return EXIT.usage;
  }
  const names = Object.keys(VERBS);
  const meant = nearest(`${first} ${second}`.trim(), names) ?? nearest(first, names) ?? nearest(first, [...new Set(names.map((name) => name.split(" ")[0]!))]);
  const typed = plainLine(first).slice(0, MOST_CHARACTERS);
  say(`There is no verb "${typed}".${meant === undefined ? "" : ` Did you mean \`${command()} ${meant}\`?`} \`${command()} help\` lists those there are.`);
  return EXIT.refused;
}
