import { chmod, lstat, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";

const PROGRAM = Buffer.from("#!");

/**
 * Puts a file of the workspace there, whole or not at all. What was a program stays one, and what begins like one becomes one. What a crash left half written is
 * hidden, and goes when the file is written again; so one process at a time writes a file.
 */
export async function writeWhole(target: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const mode = (await stat(target).catch(ifMissing))?.mode ?? (Buffer.from(content.subarray(0, 2)).equals(PROGRAM) ? 0o755 : 0o644);
  const temporary = join(dirname(target), `.${basename(target)}.tmp`); // a look at the folder does not read what is hidden
  await rm(temporary, { force: true });
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(temporary, mode & 0o777);
    failpoint("file.drafted");
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The first link on the way from the folder to the path below it, the path itself included. */
export async function linkOnWay(folder: string, path: string): Promise<string | undefined> {
  const parts = path.split("/");
  for (let count = 1; count <= parts.length; count += 1) {
    const way = parts.slice(0, count).join("/");
    if ((await lstat(join(folder, way)).catch(ifMissing))?.isSymbolicLink()) return way;
  }
  return undefined;
}

/** Undefined where there is no such file. */
export async function digestOfFile(file: string): Promise<string | undefined> {
  const content = await readFile(file).catch(ifMissing);
  return content === undefined ? undefined : sha256(content);
}

/** For `catch`: undefined where there is no such file. */
function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
