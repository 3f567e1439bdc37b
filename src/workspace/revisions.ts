import type { Db, Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf, sha256 } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { FileSet } from "./files.ts";
import { insertBlobs, selectFiles } from "./store/blobs.ts";
import { insertRevision, type Revision, selectCurrent, selectDigests, selectRevision, selectRevisions } from "./store/revisions.ts";

export interface NewRevision {
  readonly kind: Revision["kind"];
  /** A principal id, `system` or `agent:<name>`; the actor of the journal event. */
  readonly author: string;
  readonly note: string;
  /** All of them, found sound by `parseWorkspace`. */
  readonly files: FileSet;
  /** The number of the revision that these were made from, 0 for none. */
  readonly base: number;
}

/** moved: another revision came into force since `base` was read; nothing was recorded. Read it and try again. */
export type Recorded = { readonly kind: "recorded"; readonly revision: Revision } | { readonly kind: "moved"; readonly current: number };

/**
 * Puts a set of files in force, all or nothing with the caller's transaction: contents, the revision, and `workspace.revised` in the journal.
 * A caller who gets `moved` must read the files of `current` before trying again, or somebody's change is lost.
 */
export async function recordRevision(tx: Transaction, clock: Clock, { kind, author, note, files, base }: NewRevision): Promise<Recorded> {
  await insertBlobs(tx, files);
  failpoint("revision.blobs_written");
  const digests = digestsOf(files);
  const revision = await insertRevision(tx, { parent: base, digest: digestOf(digests), kind, author, note, files: digests });
  failpoint("revision.inserted");
  if (revision === null) return { kind: "moved", current: (await selectCurrent(tx))?.number ?? 0 };
  const before = await selectDigests(tx, base);
  const payload = { revision: revision.number, parent: base, kind, digest: revision.digest, note, ...pathsBetween(before, digests) };
  await append(tx, clock, [{ kind: "workspace.revised", actor: author, payload }]);
  failpoint("revision.journaled");
  return { kind: "recorded", revision };
}

/** Path to SHA-256 of the content. */
export function digestsOf(files: FileSet): Readonly<Record<string, string>> {
  return Object.fromEntries([...files].map(([path, content]) => [path, sha256(content)]));
}

/** The digest that a revision of these files has. */
export const filesDigest = (files: FileSet): string => digestOf(digestsOf(files));

const PATHS_NAMED = 200;

function pathsBetween(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>) {
  const named = (paths: string[]) => paths.toSorted().slice(0, PATHS_NAMED);
  return {
    files: Object.keys(after).length,
    added: named(Object.keys(after).filter((path) => !Object.hasOwn(before, path))),
    removed: named(Object.keys(before).filter((path) => !Object.hasOwn(after, path))),
    changed: named(Object.keys(after).filter((path) => Object.hasOwn(before, path) && before[path] !== after[path])),
  };
}

/** The revision in force; null: nothing was ever applied. */
export const currentRevision = (db: Db | Transaction): Promise<Revision | null> => selectCurrent(db);

/** Newest first; `before` leaves out that number and all above it. */
export const listRevisions = (db: Db, query: { readonly limit: number; readonly before?: number }): Promise<Revision[]> => selectRevisions(db, query);

/** @throws LoopError revision_unknown */
export async function requireRevision(db: Db | Transaction, number: number): Promise<Revision> {
  const revision = await selectRevision(db, number);
  if (revision) return revision;
  throw new LoopError("revision_unknown", `There is no revision ${number} of the workspace. \`loop revisions\` lists those there are.`, {
    facts: { revision: number },
  });
}

/** The files of a revision, checked against its digest: a lost policy file must not become a missing rule. @throws LoopError revision_unknown | workspace_invalid */
export async function revisionFiles(db: Db | Transaction, number: number): Promise<FileSet> {
  const revision = await requireRevision(db, number);
  const files = await selectFiles(db, number);
  if (filesDigest(files) === revision.digest) return files;
  throw new LoopError(
    "workspace_invalid",
    `Revision ${number} in the record is damaged: its files do not have the digest that was recorded. Restore a backup, or apply the workspace again.`,
    {
      facts: { revision: number, files: files.size },
    },
  );
}
