import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { withDefined } from "./defined-services.ts";
import { type Change, type Difference, difference } from "./difference.ts";
import type { FileSet } from "./files.ts";
import { folderFingerprint, listFolder } from "./folder.ts";
import { parseWorkspace } from "./load.ts";
import type { DefineServices } from "./manifest/service.ts";
import type { Workspace } from "./model.ts";
import type { Problem } from "./problem.ts";
import { currentRevision, recordRevision, revisionFiles } from "./revisions.ts";
import type { Revision } from "./store/revisions.ts";

interface Problems {
  readonly kind: "problems";
  /** The last good revision stays in force. */
  readonly problems: readonly Problem[];
}

/** unapplied: nothing was ever applied, so there is nothing that live files could join. */
export type Taken = Problems | { readonly kind: "unapplied"; readonly waiting: readonly Change[] } | TakenLive;

export interface TakenLive {
  readonly kind: "taken";
  /** In force now. */
  readonly revision: number;
  /** What came into force by this call; empty: no new revision. */
  readonly live: readonly Change[];
  /** What needs an apply: changes of power, and live changes that make no sense without them. */
  readonly waiting: readonly Change[];
}

/**
 * Looks at the folder as a beat does. Changes of direction and knowledge come into force as a new live revision; changes of power are noticed and wait.
 * A file whose power changed waits whole, its text too. @throws LoopError workspace_invalid when the folder cannot be opened
 */
export async function takeFolder(db: Db, clock: Clock, { folder, author }: { folder: string; author: string }): Promise<Taken> {
  return untilNotMoved(async () => {
    const { current, files: inForce } = await currentFiles(db);
    const read = await soundFolder(folder, { inForce, define: undefined });
    if (read.kind === "problems") return read;
    if (current === null) return { kind: "unapplied", waiting: allOf(difference(new Map(), read.files)) };
    const { files, live, waiting } = joinLive(inForce, read.files);
    if (live.length === 0) return { kind: "taken", revision: current.number, live, waiting };
    const note = `live: ${[...new Set(live.map((change) => change.file))].join(", ")}`.slice(0, NOTE_CHARACTERS);
    const recorded = await inTransaction(db, (tx) => recordRevision(tx, clock, { kind: "live", author, note, files, base: current.number }));
    failpoint("revision.committed");
    return recorded.kind === "moved" ? undefined : { kind: "taken", revision: recorded.revision.number, live, waiting };
  });
}

/**
 * The same for a beat that looks again and again: while neither the folder nor the record has changed, no file is read and one query is made. The
 * function keeps what it saw last; a new one looks afresh. Not for two calls at once.
 */
export function createFolderTaker(db: Db, clock: Clock, from: { folder: string; author: string }): () => Promise<Taken> {
  let last: { fingerprint: string; revision: number | null; taken: Taken } | undefined;
  return async () => {
    const fingerprint = await folderFingerprint(from.folder, clock.nowMs());
    const revision = (await currentRevision(db))?.number ?? null;
    if (last !== undefined && last.fingerprint === fingerprint && last.revision === revision) return last.taken;
    const taken = await takeFolder(db, clock, from);
    const seen = taken.kind === "taken" ? { ...taken, live: [] } : taken;
    last = fingerprint === undefined ? undefined : { fingerprint, revision: taken.kind === "taken" ? taken.revision : revision, taken: seen };
    return taken;
  };
}

const NOTE_CHARACTERS = 500;

export type Applied =
  | Problems
  | {
      readonly kind: "applied";
      readonly revision: number;
      /** False: these very files were in force already. */
      readonly isNew: boolean;
      readonly power: readonly Change[];
      readonly live: readonly Change[];
    };

interface FolderWish {
  readonly folder: string;
  readonly author: string;
  readonly note: string;
  readonly define?: DefineServices;
}

/** Takes everything in the folder, power too. Whether the caller may is not asked here. @throws LoopError workspace_invalid when the folder cannot be opened */
export async function applyFolder(db: Db, clock: Clock, { folder, define, ...by }: FolderWish): Promise<Applied> {
  const read = await soundFolder(folder, { inForce: (await currentFiles(db)).files, define });
  return read.kind === "problems" ? read : applyFiles(db, clock, { ...by, files: read.files });
}

/** Puts exactly these files in force. Safe to call twice: the second time nothing is new. */
export async function applyFiles(db: Db, clock: Clock, { files, author, note }: { files: FileSet; author: string; note: string }): Promise<Applied> {
  const parsed = parseWorkspace(files);
  if (parsed.kind === "problems") return parsed;
  return untilNotMoved(async () => {
    const { current, files: inForce } = await currentFiles(db);
    const { power, live } = difference(inForce, files);
    if (current !== null && areSame(inForce, files)) return { kind: "applied", revision: current.number, isNew: false, power, live };
    const recorded = await inTransaction(db, (tx) => recordRevision(tx, clock, { kind: "apply", author, note, files, base: current?.number ?? 0 }));
    failpoint("revision.committed");
    return recorded.kind === "moved" ? undefined : { kind: "applied", revision: recorded.revision.number, isNew: true, power, live };
  });
}

/** The revision in force with its files; none before the first apply. */
export async function currentFiles(db: Db): Promise<{ current: Revision | null; files: FileSet }> {
  const current = await currentRevision(db);
  return { current, files: current === null ? new Map<string, Uint8Array>() : await revisionFiles(db, current.number) };
}

/**
 * The files of a folder, with what its code defines (see `withDefined`), read and found sound as a whole.
 * @throws LoopError workspace_invalid when the folder cannot be opened
 */
export async function soundFolder(
  folder: string,
  code: Parameters<typeof withDefined>[1],
): Promise<Problems | { kind: "ok"; files: FileSet; workspace: Workspace }> {
  const listed = await listFolder(folder);
  const { files, problems } = await withDefined(listed.files, code);
  const parsed = parseWorkspace(files);
  const all = [...listed.problems, ...problems, ...(parsed.kind === "problems" ? parsed.problems : [])];
  return all.length > 0 || parsed.kind === "problems" ? { kind: "problems", problems: all } : { kind: "ok", files, workspace: parsed.workspace };
}

const allOf = ({ power, live }: Difference): Change[] => [...power, ...live];

/** What is in force, with the live files of the folder in place of its own. */
function joinLive(inForce: FileSet, folder: FileSet): { files: FileSet; live: readonly Change[]; waiting: readonly Change[] } {
  const changed = difference(inForce, folder);
  const waitingFiles = new Set(changed.power.map((change) => change.file));
  const live = changed.live.filter((change) => !waitingFiles.has(change.file));
  const waiting = [...changed.power, ...changed.live.filter((change) => waitingFiles.has(change.file))];
  const files = new Map(inForce);
  for (const { file } of live) {
    const content = folder.get(file);
    if (content === undefined) files.delete(file);
    else files.set(file, content);
  }
  if (live.length === 0 || parseWorkspace(files).kind === "ok") return { files, live, waiting };
  return { files: inForce, live: [], waiting: allOf(changed) };
}

const areSame = (a: FileSet, b: FileSet): boolean =>
  a.size === b.size && [...a].every(([path, content]) => b.has(path) && Buffer.compare(content, b.get(path)!) === 0);

const TRIES = 8;

/** Again while somebody else's revision comes in between. */
async function untilNotMoved<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let count = 1; count <= TRIES; count += 1) {
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new LoopError("workspace_moving", `The workspace was revised ${TRIES} times while this change was being made. Try again when the others are done.`);
}
