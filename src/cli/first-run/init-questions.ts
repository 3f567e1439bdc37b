import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { PRESETS } from "#src/workspace/manifest/command.ts";
import { isPreset, type WorkerProgram, whyUnfit } from "./worker-program.ts";

/** One line that somebody types; undefined: they left. */
export type Question = (text: string) => Promise<string | undefined>;

/** Puts questions on a terminal until the work is done. */
export async function withQuestions<T>({ input, output }: { input: Readable; output: Writable }, work: (question: Question) => Promise<T>): Promise<T> {
  const lines = createInterface({ input, output });
  const { promise: left, resolve: leave } = Promise.withResolvers<undefined>();
  lines.on("close", () => leave(undefined));
  lines.on("SIGINT", () => lines.close());
  try {
    return await work((text) => Promise.race([lines.question(text), left]));
  } finally {
    lines.close();
  }
}

interface Sample {
  readonly name: string;
  /** With its title. */
  readonly line: string;
}

/** Which sample, by number or name. Undefined: they left. */
export async function askSample(question: Question, { samples, usual }: { samples: readonly Sample[]; usual: string }): Promise<string | undefined> {
  const list = samples.map(({ line }, index) => `  ${index + 1}  ${line}`).join("\n");
  for (let text = `What is it to begin with?\n${list}\nNumber or name (Enter: ${usual}): `; ; text = `Expected 1 to ${samples.length}, or a name: `) {
    const typed = (await question(text))?.trim();
    if (typed === undefined) return undefined;
    const found = typed === "" ? usual : (samples[Number(typed) - 1]?.name ?? samples.find(({ name }) => name === typed)?.name);
    if (found !== undefined) return found;
  }
}

const LATER = "later";

/** Which program works. `later`: it is said in the file some other time. Undefined: they left. */
export async function askProgram(question: Question): Promise<WorkerProgram | typeof LATER | undefined> {
  const list = PRESETS.map((preset, index) => `${index + 1} ${preset}`).join("   ");
  for (
    let text = `Which program are your workers?\n  ${list}\nNumber or name (Enter: later): `;
    ;
    text = `Expected 1 to ${PRESETS.length}, a name, or Enter: `
  ) {
    const typed = (await question(text))?.trim();
    if (typed === undefined) return undefined;
    if (typed === "") return LATER;
    const preset = PRESETS[Number(typed) - 1] ?? typed;
    if (!isPreset(preset)) continue;
    if (preset !== "custom") return { preset, run: undefined };
    const run = await askCommand(question);
    return run === undefined ? undefined : { preset, run };
  }
}

async function askCommand(question: Question): Promise<string | undefined> {
  for (let text = "Its command line, with {{prompt_file}} where the file of the task goes: "; ;) {
    const typed = (await question(text))?.trim();
    const wrong = typed === undefined ? undefined : whyUnfit(typed);
    if (wrong === undefined) return typed;
    text = `${wrong}: `;
  }
}
