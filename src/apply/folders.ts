import type { Side } from "./plan/plan.ts";
import { planOf } from "./plan/plan.ts";
import type { Problem } from "#src/workspace/problem.ts";
import { filesDigest } from "#src/workspace/revisions.ts";
import { soundFolder } from "#src/workspace/taking.ts";

/** From one folder to another, without a record: as `POST /v1/workspace/plan` says it. @throws LoopError workspace_invalid when a folder cannot be opened */
export async function planBetweenFolders(from: string, to: string) {
  const [before, after] = [await sideAt(from), await sideAt(to)];
  if ("problems" in before) return before;
  if ("problems" in after) return after;
  const digest = filesDigest(after.files);
  return { kind: "plan" as const, revision: 0, digest, isNew: digest !== filesDigest(before.files), ...planOf(before, after) };
}

/** A folder as the first start of a server would put it in force: all of it is new. @throws LoopError workspace_invalid when it cannot be opened */
export async function planFirst(folder: string) {
  const side = await sideAt(folder);
  return "problems" in side ? side : { kind: "plan" as const, revision: 0, digest: filesDigest(side.files), isNew: true, ...planOf(null, side) };
}

async function sideAt(folder: string): Promise<Side | { readonly kind: "problems"; readonly problems: readonly Problem[] }> {
  const read = await soundFolder(folder, { inForce: new Map(), define: undefined }); // code is compared as code
  return read.kind === "problems" ? read : { files: read.files, workspace: read.workspace };
}
