import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type FileSet, kindOf } from "#src/workspace/files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { currentFiles, takeFolder, type TakenLive } from "#src/workspace/taking.ts";
import { linkOnWay, writeWhole } from "./whole-file.ts";

/** A file of direction or knowledge. `text` null: it is taken away. */
export interface LiveFile {
  readonly path: string;
  readonly text: string | null;
}

/** What is to be written, said from what is in force. Called again when somebody else was sooner. */
export type LiveChange = (inForce: FileSet) => readonly LiveFile[];

/**
 * Writes into the folder, then takes it: what a crash leaves between the two is taken by the next look. Not for two calls at once.
 * @throws LoopError workspace_invalid for a path that is no direction or knowledge, and where the folder is not sound | input_invalid where it would not be
 */
export async function writeLiveFiles({ db, clock, folder }: { db: Db; clock: Clock; folder: string }, change: LiveChange, author: string): Promise<TakenLive> {
  await takeFolder(db, clock, { folder, author: "system" }); // what others wrote before is theirs
  const { files: inForce } = await currentFiles(db);
  const files = change(inForce);
  requireSound(inForce, files);
  for (const file of files) await writeOne(folder, file);
  const taken = await takeFolder(db, clock, { folder, author });
  if (taken.kind === "taken") return taken;
  const why = taken.kind === "problems" ? problemsText(taken.problems) : "nothing was ever applied";
  throw new LoopError(
    "workspace_invalid",
    `${files.map(({ path }) => path).join(", ")} was written, and comes into force when the folder is put right: ${why}`,
    {
      facts: { file: files[0]?.path ?? null },
    },
  );
}

function requireSound(inForce: FileSet, files: readonly LiveFile[]): void {
  const after = new Map(inForce);
  for (const { path, text } of files) {
    if (kindOf(path) !== "live") {
      throw new LoopError("workspace_invalid", `${path} is not written as it is: only direction and knowledge are. Propose the change instead.`, {
        facts: { file: path },
      });
    }
    if (text === null) after.delete(path);
    else after.set(path, Buffer.from(text));
  }
  const parsed = parseWorkspace(after);
  if (parsed.kind === "ok") return;
  throw new LoopError("input_invalid", `Nothing was written: the workspace would not be sound with it. ${problemsText(parsed.problems)}`, {
    facts: { problems: parsed.problems.length },
  });
}

async function writeOne(folder: string, { path, text }: LiveFile): Promise<void> {
  const link = await linkOnWay(folder, path);
  if (link !== undefined) throw new LoopError("workspace_invalid", `The file ${path} was not written: ${link} is a link.`, { facts: { file: path } });
  if (text === null) await rm(join(folder, path), { force: true });
  else await writeWhole(join(folder, path), Buffer.from(text));
  failpoint("live.file_written");
}
