import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Db } from "#src/database/open.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { placeOf } from "#src/workspace/files.ts";
import { digestsOf, requireRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { selectBlobs } from "#src/workspace/store/blobs.ts";
import { markWritten, selectUnwritten } from "./store/requests.ts";
import { digestOfFile, linkOnWay, writeWhole } from "./whole-file.ts";

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
    if (
      placeOf(path) === undefined ||
      placeOf(path) === "definedService" ||
      (await linkOnWay(folder, path)) !== undefined ||
      (await digestOfFile(target)) !== before[path]
    )
      continue;
    const content = after[path] === undefined ? undefined : contents.get(after[path]);
    if (after[path] === undefined) await rm(target, { force: true });
    else if (content !== undefined) await writeWhole(target, content);
    failpoint("return.file_written");
  }
}
