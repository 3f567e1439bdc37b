import { realpath } from "node:fs/promises";
import { LoopError } from "#src/kernel/errors.ts";

/** The folder without links in its path: commands in the sandbox are not let in through one. @throws LoopError workspace_invalid when it is not there */
export async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (cause) {
    throw new LoopError("workspace_invalid", `There is no workspace at ${folder}. Make one with \`loop init ${folder}\`, or set LOOP_WORKSPACE.`, {
      facts: { folder },
      cause,
    });
  }
}
