import { appendFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { linkOnWay, writeWhole } from "#src/apply/whole-file.ts";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { type ActionLine, actionLines, actionLinesAfter } from "../store/action-lines.ts";
import { journalLine } from "./journal-line.ts";

const FILE = "journal.md";
const BEFORE = "journal.1.md";
const MOST_BYTES = 5 * 1_048_576;
/** As many of the last lines stand in a file that is made anew. */
const MOST_REBUILT = 20_000;
/** A line gets its number before it is committed, so one may come to light after another that is younger. */
const LATE_BY = 5_000;

export interface JournalFileParts {
  readonly db: Db;
  /** The folder of the workspace; one process holds it. */
  readonly folder: string;
  readonly workspaces: WorkspaceView;
  /** Left out: 5 MiB. */
  readonly mostBytes?: number;
}

/**
 * Shows the lines of the journal as `journal.md`, for whoever would rather read a file. It is never read back: one that is deleted is made anew from the record.
 * Over 5 MiB it becomes `journal.1.md`, and the one before that goes. Gives a look, safe to call again and again. @throws LoopError workspace_invalid
 */
export function journalFile({ db, folder, workspaces, mostBytes = MOST_BYTES }: JournalFileParts): () => Promise<void> {
  const at = join(folder, FILE);
  let shown: Set<number> | undefined;
  const textOf = async (lines: readonly ActionLine[]): Promise<string> => {
    const { timeZone } = (await workspaces.current()).workspace.manifest;
    return lines.map(({ at: time, line }) => `${journalLine(timeZone, { atMs: Date.parse(time), line })}\n`).join("");
  };
  const lookNow = async (): Promise<void> => {
    if (!(await stat(folder).catch(ifMissing))) return; // it was moved away; nothing is made in its place
    const link = await linkOnWay(folder, FILE);
    if (link !== undefined)
      throw new LoopError("workspace_invalid", `${link} in the workspace is a link. The journal is written only where it is a file; remove it.`);
    const size = (await stat(at).catch(ifMissing))?.size;
    if (shown === undefined || size === undefined) {
      const lines = await actionLines(db, MOST_REBUILT);
      if (lines.length > 0 || size !== undefined) await writeWhole(at, Buffer.from(await textOf(lines)));
      shown = new Set(lines.map(({ id }) => id));
      return;
    }
    const last = Math.max(0, ...shown);
    const lines = (await actionLinesAfter(db, last - LATE_BY)).filter(({ id }) => !shown!.has(id));
    if (lines.length === 0) return;
    if (size > mostBytes) await rename(at, join(folder, BEFORE));
    await appendFile(at, await textOf(lines), { flag: "a" });
    shown = new Set([...shown, ...lines.map(({ id }) => id)].filter((id) => id > last - 2 * LATE_BY));
  };
  let looking: Promise<void> = Promise.resolve();
  return () => (looking = looking.catch(() => undefined).then(lookNow));
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
