import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { DefineServices } from "#src/workspace/manifest/service.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Problem } from "#src/workspace/problem.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { filesDigest, revisionFiles } from "#src/workspace/revisions.ts";
import { currentFiles, soundFolder } from "#src/workspace/taking.ts";
import { type Plan, planOf, type Side } from "./plan/plan.ts";

export interface Problems {
  readonly kind: "problems";
  readonly problems: readonly Problem[];
}

/** What would come into force, beside what is. */
export interface Planned {
  readonly kind: "plan";
  /** In force now; 0: nothing was ever applied. */
  readonly revision: number;
  /** Of the files that would come into force. */
  readonly digest: string;
  /** False: these very files are in force. */
  readonly isNew: boolean;
  readonly plan: Plan;
  readonly files: FileSet;
  readonly inForce: FileSet;
}

/** The folder against what is in force. @throws LoopError workspace_invalid when the folder cannot be opened */
export async function planFolder(
  db: Db,
  { folder, define }: { readonly folder: string; readonly define?: DefineServices | undefined },
): Promise<Problems | Planned> {
  const read = await soundFolder(folder, { inForce: (await currentFiles(db)).files, define });
  return read.kind === "problems" ? read : planSide(db, read);
}

/** Files against what is in force. */
export async function planFiles(db: Db, files: FileSet): Promise<Problems | Planned> {
  const parsed = parseWorkspace(files);
  return parsed.kind === "problems" ? parsed : planSide(db, { files, workspace: parsed.workspace });
}

/** An older revision, to come into force again. @throws LoopError revision_unknown | workspace_invalid */
export async function planReturn(db: Db, target: number): Promise<Problems | Planned> {
  const files = await revisionFiles(db, target);
  if (sideOf(files) === null) throw unsound(target, files);
  return planFiles(db, files);
}

async function planSide(db: Db, { files, workspace }: Side): Promise<Planned> {
  const { current, files: inForce } = await currentFiles(db);
  const before = current === null ? null : sideOf(inForce);
  const digest = filesDigest(files);
  const plan = planOf(before, { files, workspace });
  return { kind: "plan", revision: current?.number ?? 0, digest, isNew: current?.digest !== digest, plan, files, inForce };
}

/** From one revision to another. @throws LoopError revision_unknown | workspace_invalid */
export async function planRevisions(db: Db, from: number, to: number): Promise<Planned> {
  const [inForce, files] = [await revisionFiles(db, from), await revisionFiles(db, to)];
  const after = sideOf(files);
  if (after === null) throw unsound(to, files);
  const digest = filesDigest(files);
  return { kind: "plan", revision: from, digest, isNew: digest !== filesDigest(inForce), plan: planOf(sideOf(inForce), after), files, inForce };
}

/** Null for files that this version cannot read: then everything counts as new. */
function sideOf(files: FileSet): Side | null {
  const parsed = parseWorkspace(files);
  return parsed.kind === "ok" ? { files, workspace: parsed.workspace } : null;
}

function unsound(number: number, files: FileSet): LoopError {
  const parsed = parseWorkspace(files);
  const why = parsed.kind === "problems" ? problemsText(parsed.problems) : "";
  return new LoopError("workspace_invalid", `Revision ${number} is not sound for this version of Loopwright, so it cannot come into force again. ${why}`, {
    facts: { revision: number },
  });
}
