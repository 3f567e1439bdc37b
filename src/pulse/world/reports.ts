import { constants, type Dirent } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { linkOnWay } from "#src/apply/whole-file.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import { keepReport } from "../store/reports.ts";

export interface ReportsParts {
  readonly db: Db;
  readonly clock: Clock;
  /** The folder of the workspace; one process holds it. */
  readonly folder: string;
  /** Knows the values that must not go into the record. */
  readonly redactor: Pick<Redactor, "redact">;
}

const REPORTS = "reports";
const DEEPEST = 4;
const MOST_FILES = 500;
const MOST_BYTES = 1_048_576;

/**
 * Keeps what workers deliver: each look takes the files below `reports/` that are new or changed into the record. Files that are gone stay kept. What is a link, hidden,
 * larger than 1 MiB, or beyond the first 500 files is left alone.
 */
export function reportsKeeper({ db, clock, folder, redactor }: ReportsParts): () => Promise<void> {
  const seen = new Map<string, string>();
  return async () => {
    if ((await linkOnWay(folder, REPORTS)) !== undefined) return; // what it leads to is no report of this workspace
    for (const path of await filesBelow(join(folder, REPORTS))) {
      const found = await readNew(join(folder, REPORTS, path), seen.get(path));
      if (!found) continue;
      const content = withoutSecrets(found.content, redactor);
      const digest = sha256(content);
      await inTransaction(db, async (tx) => {
        if (!(await keepReport(tx, { path, digest, content }))) return;
        failpoint("report.kept");
        await append(tx, clock, [{ kind: "report.kept", actor: "system", payload: { path, digest, sizeBytes: content.length } }]);
      });
      seen.set(path, found.mark);
    }
  };
}

async function filesBelow(root: string): Promise<string[]> {
  const paths: string[] = [];
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(join(root, below))) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith(".") || paths.length >= MOST_FILES) continue;
      if (entry.isFile()) paths.push(path);
      if (entry.isDirectory() && depth < DEEPEST) await walk(path, depth + 1);
    }
  };
  await walk("", 1);
  return paths;
}

const entriesOf = async (folder: string): Promise<Dirent[]> =>
  (await readdir(folder, { withFileTypes: true }).catch(nothingWhenGone)).toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Undefined: it is as it was when it bore this mark, gone, or no file to keep. Never follows a link, and never waits for a pipe. */
async function readNew(file: string, before: string | undefined): Promise<{ readonly content: Buffer; readonly mark: string } | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const facts = await handle.stat();
    const mark = `${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.ctimeMs}`;
    if (!facts.isFile() || facts.size > MOST_BYTES || mark === before) return undefined;
    const content = Buffer.alloc(facts.size);
    const { bytesRead } = await handle.read(content, 0, facts.size, 0);
    return { content: content.subarray(0, bytesRead), mark };
  } finally {
    await handle.close();
  }
}

function withoutSecrets(content: Buffer, { redact }: Pick<Redactor, "redact">): Buffer {
  const text = content.toString("utf8");
  return Buffer.from(text).equals(content) ? Buffer.from(redact(text)) : content;
}

function nothingWhenGone(error: NodeJS.ErrnoException): Dirent[] {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
  throw error;
}
