import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { nearest } from "#src/workspace/nearest.ts";
import { UsageError } from "../arguments.ts";
import { quoted, ROOT } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { askProgram, askSample, withQuestions } from "../first-run/init-questions.ts";
import { hasWorkers, programOf, type WorkerProgram, writeProgram } from "../first-run/worker-program.ts";
import type { Context, Given, Verb } from "../verb.ts";

const SAMPLES = join(ROOT, "workspaces");
export const USUAL_SAMPLE = "warm-stays";

export const workspaceInit: Verb = {
  args: "[<folder>]",
  flags: {
    template: { takes: "text", value: "name", means: `which sample; left out: asked on a terminal, else ${USUAL_SAMPLE}` },
    runner: { takes: "text", value: "name", means: "of a sample with workers, which program they are: claude, codex, pi, opencode, gemini or custom" },
    command: { takes: "text", value: "line", means: "the command line of a custom runner, with {{prompt_file}} where the file of the task goes" },
    list: { means: "list the samples" },
  },
  words: { least: 0, most: 1 },
  about: "The folder may not be there yet, or be empty: nothing is ever written over. Without a folder it is the one that LOOP_WORKSPACE names.",
  examples: ["loop init --list", "loop init ~/our-team --template team", "loop init --template personal --runner claude"],
  async run(given, context) {
    if (given.has("list")) return context.print(context.json ? JSON.stringify({ templates: sampleNames() }) : sampleNames().map(sampleLine).join("\n"));
    const [typed] = given.words;
    const folder = typed === undefined ? (await context.settings()).workspaceFolder : resolve(typed);
    const wish = await wishOf(given, { context, folder });
    if (wish === undefined) {
      context.say("\nNothing was made.");
      return EXIT.refused;
    }
    copySample(wish.template, folder);
    if (wish.program) writeProgram(folder, wish.program);
    const { writeSchemas } = await import("../first-run/write-schemas.ts");
    writeSchemas(folder);
    const { template, program } = wish;
    if (context.json) return context.print(JSON.stringify({ folder, template, ...(program ? { runner: program.preset } : {}) }));
    const isUsual = !(context.env["LOOP_WORKSPACE"] || context.env["LOOP_DATA_DIR"]) && folder === join(context.homeFolder(), "workspace");
    const where = isUsual ? "" : `LOOP_WORKSPACE=${quoted(folder)} `;
    const unchosen = program || !hasWorkers(folder) ? "" : `Say which program your workers are: ${join(folder, "agents", "worker.yaml")}\n`;
    context.print(
      `${folder} is a workspace now (a copy of ${template}).\n${unchosen}See what it may do: ${where}${context.command()} plan\nServe it: ${where}${context.command()} up`,
    );
  },
};

interface Wish {
  readonly template: string;
  /** Undefined: the one of the sample. */
  readonly program: WorkerProgram | undefined;
}

/** From the flags; what they do not say is asked on a terminal. Undefined: whoever was asked left. @throws UsageError, LoopError input_invalid */
async function wishOf(given: Given, { context, folder }: { context: Context; folder: string }): Promise<Wish | undefined> {
  const named = given.text("template");
  const program = programOf(given.text("runner"), given.text("command"));
  const isAsked = !context.json && process.stdin.isTTY && process.stdout.isTTY && (named === undefined || !program);
  if (!isAsked) return checked({ template: named ?? USUAL_SAMPLE, program });
  requireSample(named ?? USUAL_SAMPLE);
  requireEmpty(folder); // before anything is asked
  return withQuestions({ input: process.stdin, output: process.stdout }, async (question) => {
    const samples = sampleNames().map((name) => ({ name, line: sampleLine(name) }));
    const template = named ?? (await askSample(question, { samples, usual: USUAL_SAMPLE }));
    if (template === undefined) return undefined;
    const chosen = program ?? (hasWorkers(join(SAMPLES, template)) ? await askProgram(question) : "later");
    return chosen === undefined ? undefined : checked({ template, program: chosen === "later" ? undefined : chosen });
  });
}

/** @throws UsageError where the sample has no workers to choose a program for */
function checked(wish: Wish): Wish {
  requireSample(wish.template);
  if (wish.program && !hasWorkers(join(SAMPLES, wish.template)))
    throw new UsageError(`The sample ${wish.template} has no workers, so there is no runner to choose. Leave out --runner and --command.`);
  return wish;
}

const sampleNames = (): string[] => readdirSync(SAMPLES, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** With the title that its loop.yaml bears. */
function sampleLine(name: string): string {
  const title = /^title: *(.+)$/m.exec(readFileSync(join(SAMPLES, name, "loop.yaml"), "utf8"))?.[1] ?? "";
  return `${name.padEnd(12)} ${title}`.trimEnd();
}

/** @throws UsageError */
function requireSample(template: string): void {
  const names = sampleNames();
  if (names.includes(template)) return;
  const meant = nearest(template, names);
  throw new UsageError(
    `There is no sample ${JSON.stringify(template.slice(0, 40))}.${meant === undefined ? "" : ` Did you mean ${meant}?`} There is: ${names.join(", ")}.`,
  );
}

/** @throws LoopError input_invalid */
function requireEmpty(folder: string): void {
  if (!isEmpty(folder)) throw new LoopError("input_invalid", `${folder} is not empty, and nothing is written over. Name a new folder.`, { facts: { folder } });
}

/** @throws UsageError for a sample that there is not; LoopError input_invalid for a folder that holds something or cannot be made */
export function copySample(template: string, folder: string): void {
  requireSample(template);
  requireEmpty(folder);
  try {
    mkdirSync(folder, { recursive: true });
    cpSync(join(SAMPLES, template), folder, { recursive: true });
  } catch (cause) {
    throw new LoopError("input_invalid", `${folder} cannot be made (${(cause as NodeJS.ErrnoException).code}). Name a folder where this account may write.`, {
      facts: { folder },
      cause,
    });
  }
}

/** Whether there is nothing at this path, or a folder with nothing in it. @throws LoopError input_invalid when it cannot be looked at */
export function isEmpty(folder: string): boolean {
  if (!existsSync(folder)) return true;
  try {
    return readdirSync(folder).length === 0;
  } catch (cause) {
    throw new LoopError("input_invalid", `${folder} cannot be used (${(cause as NodeJS.ErrnoException).code}). Expected a folder, or nothing there yet.`, {
      facts: { folder },
      cause,
    });
  }
}
