import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { nearest } from "#src/workspace/nearest.ts";
import { UsageError } from "../arguments.ts";
import { quoted, ROOT } from "../context.ts";
import type { Verb } from "../verb.ts";

const SAMPLES = join(ROOT, "workspaces");
export const USUAL_SAMPLE = "warm-stays";

export const workspaceInit: Verb = {
  args: "[<folder>]",
  flags: {
    template: { takes: "text", value: "name", means: `which sample; ${USUAL_SAMPLE} when left out` },
    list: { means: "list the samples" },
  },
  words: { least: 0, most: 1 },
  about: "The folder may not be there yet, or be empty: nothing is ever written over. Without a folder it is the one that LOOP_WORKSPACE names.",
  examples: ["loop init --list", "loop init ~/my-workspace", "loop init ~/our-team --template team"],
  async run(given, context) {
    if (given.has("list")) return context.print(context.json ? JSON.stringify({ templates: sampleNames() }) : sampleNames().map(sampleLine).join("\n"));
    const [typed] = given.words;
    const folder = typed === undefined ? (await context.settings()).workspaceFolder : resolve(typed);
    const template = given.text("template") ?? USUAL_SAMPLE;
    copySample(template, folder);
    const { writeSchemas } = await import("../first-run/write-schemas.ts");
    writeSchemas(folder);
    if (context.json) context.print(JSON.stringify({ folder, template }));
    else {
      const isUsual = context.env["LOOP_WORKSPACE"] === undefined && folder === join(context.homeFolder(), "workspace");
      const where = isUsual ? "" : `LOOP_WORKSPACE=${quoted(folder)} `;
      context.print(
        `${folder} is a workspace now (a copy of ${template}).\nSee what it may do: ${where}${context.command()} plan\nServe it: ${where}${context.command()} up`,
      );
    }
  },
};

const sampleNames = (): string[] => readdirSync(SAMPLES, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** With the title that its loop.yaml bears. */
function sampleLine(name: string): string {
  const title = /^title: *(.+)$/m.exec(readFileSync(join(SAMPLES, name, "loop.yaml"), "utf8"))?.[1] ?? "";
  return `${name.padEnd(12)} ${title}`.trimEnd();
}

/** @throws UsageError for a sample that there is not; LoopError input_invalid for a folder that holds something or cannot be made */
export function copySample(template: string, folder: string): void {
  const names = sampleNames();
  if (!names.includes(template)) {
    const meant = nearest(template, names);
    throw new UsageError(
      `There is no sample ${JSON.stringify(template.slice(0, 40))}.${meant === undefined ? "" : ` Did you mean ${meant}?`} There is: ${names.join(", ")}.`,
    );
  }
  if (!isEmpty(folder)) throw new LoopError("input_invalid", `${folder} is not empty, and nothing is written over. Name a new folder.`, { facts: { folder } });
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
