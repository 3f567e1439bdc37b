import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { commandTemplate, PRESETS, PROMPT_FILE, type Preset } from "#src/workspace/manifest/command.ts";
import { nearest } from "#src/workspace/nearest.ts";
import { UsageError } from "../arguments.ts";

/** Which program the workers of a new workspace are. */
export interface WorkerProgram {
  readonly preset: Preset;
  /** Its command line, where it is none of the known ones. */
  readonly run: string | undefined;
}

const FILE = join("agents", "worker.yaml");

/** Whether the workspace in this folder has workers whose program can be chosen. */
export const hasWorkers = (folder: string): boolean => existsSync(join(folder, FILE));

/** What the flags say; undefined: nothing. @throws UsageError */
export function programOf(runner: string | undefined, command: string | undefined): WorkerProgram | undefined {
  if (runner === undefined && command === undefined) return undefined;
  const preset = runner ?? "custom";
  if (!isPreset(preset)) {
    const meant = nearest(preset, PRESETS);
    throw new UsageError(
      `There is no runner ${JSON.stringify(preset.slice(0, 40))}.${meant === undefined ? "" : ` Did you mean ${meant}?`} There is: ${PRESETS.join(", ")}.`,
    );
  }
  if (preset === "custom" && command === undefined)
    throw new UsageError(
      `A custom runner needs its command line. Expected --command with ${PROMPT_FILE} in it, such as --command 'my-agent --file ${PROMPT_FILE}'.`,
    );
  const wrong = command === undefined ? undefined : whyUnfit(command);
  if (wrong !== undefined) throw new UsageError(`--command got ${JSON.stringify(command!.slice(0, 60))}: ${wrong}.`);
  return { preset, run: command };
}

export const isPreset = (text: string): text is Preset => PRESETS.some((known) => known === text);

/** Undefined: it can be a command line of a worker. */
export const whyUnfit = (command: string): string | undefined => commandTemplate.safeParse(command).error?.issues[0]?.message;

/** Writes the choice into the file of the agent; what stands above it stays. @throws LoopError input_invalid where the file has no such place */
export function writeProgram(folder: string, { preset, run }: WorkerProgram): void {
  const file = join(folder, FILE);
  const text = readFileSync(file, "utf8");
  const at = text.indexOf("\ncommand:\n");
  if (at === -1) throw new LoopError("input_invalid", `${file} has no place for a program. Say it there by hand: docs/workspace.md.`);
  const lines = ["command:", `  preset: ${preset}`, ...(run === undefined ? [] : [`  run: ${JSON.stringify(run)}`])]; // a text of JSON is one of YAML too
  writeFileSync(file, `${text.slice(0, at + 1)}${lines.join("\n")}\n`);
}
