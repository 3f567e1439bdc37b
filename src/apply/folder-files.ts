import { join } from "node:path";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { ProposedFile } from "#src/learning/proposal.ts";
import { markWritten } from "#src/learning/store/change-proposals.ts";
import { selectUnwritten } from "#src/learning/store/read-proposals.ts";
import { placeOf } from "#src/workspace/files.ts";
import { digestOfFile, linkOnWay, writeWhole } from "./whole-file.ts";

/** Puts files into the folder of the workspace; safe to repeat. */
export type FileWriter = (files: readonly ProposedFile[]) => Promise<void>;

/**
 * Brings the folder up to what was accepted: the record is in force, the folder follows. Level-triggered: what a crash left undone is done by the next call,
 * so it is also called at the start of the process that holds the folder, and before that folder is applied.
 */
export async function writeAccepted(db: Db, write: FileWriter): Promise<void> {
  for (const { id, files } of await selectUnwritten(db)) {
    await write(files);
    failpoint("accept.written");
    await markWritten(db, id);
  }
}

/** Writes into this folder. A file that a person has changed since stays as that person left it, and shows as a change that waits. */
export function folderWriter(folder: string): FileWriter {
  return async (files) => {
    for (const file of files) {
      await writeOne(folder, file);
      failpoint("accept.file_written");
    }
  };
}

async function writeOne(folder: string, { path, text, base }: ProposedFile): Promise<void> {
  await requireInside(folder, path);
  const target = join(folder, path);
  if (((await digestOfFile(target)) ?? null) !== base) return;
  await writeWhole(target, Buffer.from(text));
}

/** A path of the workspace, with no link on the way that leads out of it. */
async function requireInside(folder: string, path: string): Promise<void> {
  const parts = path.split("/");
  const refuse = (why: string): LoopError => new LoopError("workspace_invalid", `The file ${path} was not written: ${why}.`, { facts: { file: path } });
  if (placeOf(path) === undefined || placeOf(path) === "definedService" || parts.some((part) => part === "" || part === "." || part === ".."))
    throw refuse("it is no path of a workspace");
  const link = await linkOnWay(folder, path);
  if (link !== undefined) throw refuse(`${link} is a link`);
}
