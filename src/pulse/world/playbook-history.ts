import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { selectBlobs } from "#src/workspace/store/blobs.ts";
import { type FileVersion, selectFileVersions } from "#src/workspace/store/revisions.ts";

const KEPT = 20;

export interface PlaybookVersion extends FileVersion {
  readonly text: string;
}

/** The last 20 texts of the playbook, newest first; the first is what it says now, or said last. */
export async function playbookVersions(db: Db): Promise<PlaybookVersion[]> {
  const versions = await selectFileVersions(db, "PLAYBOOK.md", KEPT);
  const texts = await selectBlobs(
    db,
    versions.map(({ digest }) => digest),
  );
  return versions.map((version) => ({ ...version, text: Buffer.from(texts.get(version.digest) ?? []).toString("utf8") }));
}

/** `back`: 1 is what it said before now. @throws LoopError revision_unknown */
export function requireVersion(versions: readonly PlaybookVersion[], back: number): PlaybookVersion {
  const version = versions[back];
  if (version) return version;
  const most = versions.length - 1;
  const there = most < 1 ? "It was never changed." : `The oldest that is kept is ${most}.`;
  throw new LoopError("revision_unknown", `There is no text of the playbook ${back} back. ${there}`, { facts: { back, kept: Math.max(0, most) } });
}
