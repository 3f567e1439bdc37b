import { nearest } from "#src/workspace/nearest.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { LOOP_VERBS } from "./loop-verb-table.ts";
import type { Context } from "./verb.ts";
import { VERBS } from "./verb-table.ts";

const MOST_CHARACTERS = 60;

/** The verbs of people, or with `_` in front those of agents and workers. */
const tableOf = (args: readonly string[]) =>
  args[0] === "_"
    ? { table: LOOP_VERBS, words: args.slice(1), prefix: "_ ", help: "_ help" }
    : { table: VERBS as Readonly<Record<string, { readonly summary: string }>>, words: args, prefix: "", help: "help" };

/** Says what there is instead: the verbs of two words that begin so, or the one that was probably meant. */
export function answerUnknownVerb(args: readonly string[], { command, say }: Context): ExitCode {
  const { table, words, prefix, help } = tableOf(args);
  const [first = "", second = ""] = words;
  const names = Object.keys(table);
  const under = names.filter((name) => name.startsWith(`${first} `));
  if (under.length > 0) {
    const shown = under.map((name) => `  ${command()} ${prefix}${name}`.padEnd(30) + table[name]!.summary);
    say(`\`loop ${prefix}${first}\` needs one more word. There is:\n${shown.join("\n")}`);
    return EXIT.usage;
  }
  const meant = nearest(`${first} ${second}`.trim(), names) ?? nearest(first, names) ?? nearest(first, [...new Set(names.map((name) => name.split(" ")[0]!))]);
  const typed = plainLine(first).slice(0, MOST_CHARACTERS);
  say(
    `loop: unknown command '${prefix}${typed}'.${meant === undefined ? "" : ` Did you mean \`${command()} ${prefix}${meant}\`?`} \`${command()} ${help}\` lists those there are.`,
  );
  return EXIT.refused;
}
