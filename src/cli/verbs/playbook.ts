import { UsageError } from "../arguments.ts";
import type { Verb } from "../verb.ts";

interface Difference {
  readonly back: number;
  readonly revision: number;
  readonly at: string;
  readonly kept: number;
  readonly lines: readonly string[];
}

/** How many texts back. @throws UsageError */
function backOf(typed: string): number {
  if (/^([1-9]|1\d)$/.test(typed)) return Number(typed);
  throw new UsageError(`${JSON.stringify(typed.slice(0, 40))} is no text of the playbook. Expected how many texts back, from 1 to 19.`);
}

export const playbookDiff: Verb = {
  args: "[<texts back>]",
  flags: {},
  words: { least: 0, most: 1 },
  about: "1, where it is left out, is what PLAYBOOK.md said before now; the last 20 texts are kept. - is what is no longer said, + what is new.",
  examples: ["loop playbook diff", "loop playbook diff 3"],
  async run(given, context) {
    const body = await context.api().get(`/v1/loop/playbook/diff?back=${backOf(given.words[0] ?? "1")}`);
    if (context.json) return context.print(body);
    const { back, revision, at, kept, lines } = JSON.parse(body) as Difference;
    const { plainLine } = await import("#src/kernel/plain.ts");
    const head = `PLAYBOOK.md, ${back} of ${kept} back (revision ${revision}, ${at.slice(0, 16).replace("T", " ")}), against now`;
    context.print([head, ...(lines.length === 0 ? ["nothing differs"] : lines.map((line) => line.slice(0, 2) + plainLine(line.slice(2))))].join("\n"));
  },
};

export const playbookRestore: Verb = {
  args: "<texts back>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "PLAYBOOK.md says again what it said then, as a new text; what it says now is 1 back from there on.",
  examples: ["loop playbook diff 2", "loop playbook restore 2"],
  async run(given, context) {
    const body = await context.api().post("/v1/loop/playbook/restore", { back: backOf(given.words[0]!) });
    const { restored, revision } = JSON.parse(body) as { restored: number; revision: number };
    context.print(context.json ? body : `PLAYBOOK.md says again what it said from revision ${restored} on. Revision ${revision} is in force.`);
  },
};
