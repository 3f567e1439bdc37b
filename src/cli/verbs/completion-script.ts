import { COMMON_FLAGS, UsageError } from "../arguments.ts";
import { bashScript, fishScript, type Spoken, zshScript } from "../render/completion.ts";
import { LOOP_VERBS } from "../loop-verb-table.ts";
import type { Verb } from "../verb.ts";
import { VERBS } from "../verb-table.ts";

const SHELLS: Readonly<Record<string, (verbs: readonly Spoken[]) => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

export const completionScript: Verb = {
  args: "<bash|zsh|fish>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "Completes verbs, flags, and the numbers of tickets whose questions are open.",
  examples: [
    'eval "$(loop completion bash)"',
    'eval "$(loop completion zsh)"',
    "loop config zsh",
    "loop completion fish > ~/.config/fish/completions/loop.fish",
  ],
  async run(given, context) {
    const shell = given.words[0]!;
    const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (!script) throw new UsageError(`There is no completion for ${JSON.stringify(shell.slice(0, 40))}. There is: ${Object.keys(SHELLS).join(", ")}.`);
    context.print(script(await spokenVerbs()));
  },
};

/** Every verb, those of `loop _` too. */
export async function spokenVerbs(): Promise<Spoken[]> {
  const machine = Object.entries(LOOP_VERBS).map(([name, row]) => [`_ ${name}`, row] as const);
  return Promise.all(
    [...Object.entries(VERBS), ...machine].map(async ([name, { summary, load }]) => {
      const { flags, args } = await load();
      return { name, summary, flags: Object.keys({ ...flags, ...COMMON_FLAGS }), takesAsk: args.includes("ask") };
    }),
  );
}
