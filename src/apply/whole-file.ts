import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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

/** For `catch`: undefined where there is no such file. */
export function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}
