import { open } from "node:fs/promises";
import { LoopError } from "#src/kernel/errors.ts";

/** A file that was not there, for this account alone. @throws LoopError input_invalid when something is there already, or cannot be */
export async function openNew(file: string) {
  try {
    return await open(file, "wx", 0o600);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === "EEXIST"
        ? "there is something of this name already. Name a new file"
        : `it cannot be made (${code}). Name a file in a folder that this account may write`;
    throw new LoopError("input_invalid", `${file} was not written: ${why}.`, { cause });
  }
}
