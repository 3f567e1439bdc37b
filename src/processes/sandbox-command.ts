import { stat } from "node:fs/promises";
import type { LiveSandboxCommand, SandboxCommand, SandboxResult } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** What a shell says of a program that is not there, and of one that cannot be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

const notStarted = (exitCode: number, stderr: string): SandboxResult => ({ exitCode, timedOut: false, stdout: "", stderr, truncated: false });

export const programNotStarted = (program: string, code: string): SandboxResult =>
  code === "ENOENT" ? notStarted(NOT_FOUND, `${program}: not found`) : notStarted(NOT_RUNNABLE, `${program}: cannot be run (${code})`);

export const aborted: SandboxResult = { exitCode: null, timedOut: false, stdout: "", stderr: "", truncated: false };

/** The answer to a command that no system can run as it stands; null for all others. Texts with NUL would end early and be read as something else. */
export function answerToMalformed(command: SandboxCommand): SandboxResult | null {
  const texts = [...command.argv, command.cwd, ...command.writable, ...Object.entries(command.env).flat()];
  if (texts.some((text) => text.includes("\0"))) return notStarted(NOT_RUNNABLE, "a NUL character in the command, its folders or its environment");
  const badName = Object.keys(command.env).find((name) => name === "" || name.includes("="));
  return badName === undefined ? null : notStarted(NOT_RUNNABLE, `${JSON.stringify(badName)} cannot be the name of a variable`);
}

/** The same for a program that goes on, which has no answer to give. @throws LoopError sandbox_unavailable */
export function requireWellFormed({ argv, cwd, writable, env }: LiveSandboxCommand): void {
  const malformed = answerToMalformed({ argv, cwd, writable, env, timeoutMs: 0, maxOutputBytes: 0 });
  if (malformed) throw unavailable(`The program cannot be started: ${malformed.stderr}.`);
}

/** @throws LoopError sandbox_unavailable when a folder of the command is not there */
export async function requireFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const found = await stat(folder).catch(() => null);
    if (!found?.isDirectory()) throw unavailable(`${folder} is not a folder that can be entered. Make it first.`, { folder });
  }
}

export const unavailable = (message: string, facts: Readonly<Record<string, string>> = {}, cause?: unknown) =>
  new LoopError("sandbox_unavailable", message, { facts, cause });
