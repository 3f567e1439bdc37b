import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { countsHere } from "#src/people/credentials.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { currentFiles, soundFolder } from "#src/workspace/taking.ts";

/**
 * A home that a database does not know may join it with a folder of the workspace that is in force there, and with no other: the files of a stranger would wait
 * there as changes, and the stranger would become an owner. One that it knows may have renamed its workspace. @throws LoopError settings_invalid
 */
export async function requireSameWorkspace(db: Db, { folder, credentials }: { readonly folder: string; readonly credentials: string }): Promise<void> {
  const { current, files } = await currentFiles(db);
  if (current === null || (await countsHere(db, credentials))) return;
  const found = await soundFolder(folder, { inForce: files, define: undefined });
  if (found.kind === "problems") return; // said by whoever takes the folder
  const { name } = (await createWorkspaceView(db).current()).workspace.manifest;
  const seen = found.workspace.manifest.name;
  if (name === seen) return;
  throw new LoopError(
    "settings_invalid",
    `The database holds the workspace ${name}, and the folder ${folder} is ${seen}. A database belongs to one workspace: set DATABASE_URL to an empty database, or LOOP_WORKSPACE to the folder of ${name}.`,
    { facts: { inForce: name, folder: seen } },
  );
}
