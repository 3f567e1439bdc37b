import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { digestWorkspace } from "./backup-files.ts";
import type { BackupManifest, FileDigest } from "./backup-format.ts";
import { damaged, type TarEntry } from "./backup-tar.ts";

/** Beside what is meant, until all is known to be well. What a restore that was killed left there is of no use to anybody. */
export const draftOf = (path: string): string => `${path}.restoring`;

/** Writes an entry of a workspace below `root`, which nobody else writes to: what stands there was made by earlier calls, so there is no link to follow. */
export async function writeEntry(root: string, { name, kind, isExecutable }: TarEntry, bytes: AsyncIterable<Buffer>): Promise<void> {
  const path = join(root, name);
  try {
    await mkdir(kind === "folder" ? path : dirname(path), { recursive: true, mode: 0o755 });
    if (kind === "file") await writeFileAnew(path, isExecutable ? 0o755 : 0o644, bytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!["EEXIST", "ENOTDIR", "EISDIR"].includes(code)) throw error;
    throw damaged(`two of its names are the same file on this disk, one of them ${JSON.stringify(name)}`, error);
  }
}

async function writeFileAnew(path: string, mode: number, bytes: AsyncIterable<Buffer>): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  try {
    for await (const piece of bytes) await handle.writeFile(piece);
  } finally {
    await handle.close();
  }
}

/**
 * `same`: what the backup would write is there already, left by a restore that was ended between its last two steps.
 * @throws LoopError restore_target_taken when anything else is there
 */
export async function lookAtFolder(folder: string, { files }: BackupManifest): Promise<"free" | "same"> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (names.length === 0) return "free";
  const key = ({ path, sha256 }: FileDigest): string => `${path} ${sha256}`;
  const there = new Set((await digestWorkspace(folder)).map(key));
  if (there.size === files.length && files.every((file) => there.has(key(file)))) return "same";
  throw taken(`the workspace folder ${folder} is not empty`);
}

/** @throws LoopError restore_target_taken when there is another key */
export async function requireFreeKeys(files: Readonly<Record<string, string>>, keys: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, path] of Object.entries(files)) {
    const there = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (there !== undefined && there !== keys[name]) throw taken(`there is a key ${path} already`);
  }
}

/** Puts files in their places; gives the way to take them away again. */
export async function place(steps: readonly (() => Promise<() => Promise<void>>)[]): Promise<() => Promise<void>> {
  const undo: (() => Promise<void>)[] = [];
  const undoAll = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    for (const step of steps) undo.push(await step());
    return undoAll;
  } catch (error) {
    await undoAll();
    throw error;
  }
}

/** In place of what stands there. */
export const fileStep = (path: string, text: string) => async (): Promise<() => Promise<void>> => {
  const before = await readFile(path, "utf8").catch(() => undefined);
  await writeWhole(path, text);
  return () => (before === undefined ? rm(path, { force: true }) : writeWhole(path, before));
};

/** Where there is nothing, or an empty folder. */
export const folderStep = (draft: string, folder: string) => async (): Promise<() => Promise<void>> => {
  await rename(draft, folder);
  return () => rename(folder, draft);
};

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = draftOf(path);
  await rm(draft, { force: true });
  await writeFile(draft, text, { mode: 0o600, flag: "wx", flush: true });
  await rename(draft, path);
}

export const taken = (what: string): LoopError =>
  new LoopError(
    "restore_target_taken",
    `A backup is restored only where there is nothing yet: ${what}. Set LOOP_HOME to a new folder, and DATABASE_URL (if used) to an empty database. Nothing was changed.`,
  );
