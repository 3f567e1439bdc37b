import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/** The first program of this name that may be run, or null. `searchPath` is a value of PATH; relative folders in it are passed over. */
export async function findProgram(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(":").filter(isAbsolute)) {
    const file = join(folder, name);
    const isRunnable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isRunnable) return file;
  }
  return null;
}
