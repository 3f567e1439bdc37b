import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Db } from "#src/database/open.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { placeOf } from "#src/workspace/files.ts";
import { digestsOf, requireRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { selectBlobs } from "#src/workspace/store/blobs.ts";
import { markWritten, selectUnwritten } from "./store/requests.ts";

/**
 * Brings the folder up to the revisions that were returned to. A file that a person has changed since stays as that person left it, and shows as a change that
 * waits. Level-triggered, like `writeAccepted`: what a crash left undone is done by the next call.
 */
export async function writeReturned(db: Db, folder: string): Promise<void> {
  for (const { id, revision, files } of await selectUnwritten(db)) {
    const { parent } = await requireRevision(db, revision!);
    await writeBetween({ db, folder, before: digestsOf(await revisionFiles(db, parent)), after: files });
    failpoint("return.written");
    await markWritten(db, id);
  }
}

interface Between {
  readonly db: Db;
  readonly folder: string;
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
}

async function writeBetween({ db, folder, before, after }: Between): Promise<void> {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((path) => before[path] !== after[path]).toSorted();
  const contents = await selectBlobs(db, Object.values(after));
  for (const path of paths) {
    const target = join(folder, path);
    if (placeOf(path) === undefined || placeOf(path) === "definedService" || (await hasLink(folder, path)) || (await digestAt(target)) !== before[path])
      continue;
    const content = after[path] === undefined ? undefined : contents.get(after[path]);
    if (after[path] === undefined) await rm(target, { force: true });
    else if (content !== undefined) await replace(target, content);
    failpoint("return.file_written");
  }
}

async function hasLink(folder: string, path: string): Promise<boolean> {
  const parts = path.split("/");
  for (let count = 1; count <= parts.length; count += 1) {
    const facts = await lstat(join(folder, ...parts.slice(0, count))).catch(ifMissing);
    if (facts?.isSymbolicLink()) return true;
  }
  return false;
}

const digestAt = async (file: string): Promise<string | undefined> => {
  const content = await readFile(file).catch(ifMissing);
  return content === undefined ? undefined : sha256(content);
};

const PROGRAM = Buffer.from("#!");

/** Whole or not at all. What was a program stays one, and what begins like one becomes one. */
async function replace(target: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const mode = (await stat(target).catch(ifMissing))?.mode ?? (Buffer.from(content.subarray(0, 2)).equals(PROGRAM) ? 0o755 : 0o644);
  const temporary = join(dirname(target), `.${randomUUID()}.tmp`); // hidden, so a look at the folder does not read it
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, mode & 0o777);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
