import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { fileNameOf, jsonSchemaOf, KINDS } from "#src/workspace/manifest/schemas.ts";

/** Puts the schema of every kind where the first line of a workspace file may point. Gives the names of the files. @throws LoopError input_invalid */
export function writeSchemas(workspaceFolder: string): string[] {
  const folder = join(workspaceFolder, ".loopwright", "schemas");
  try {
    mkdirSync(folder, { recursive: true });
    return Object.keys(KINDS).map((kind) => {
      writeFileSync(join(folder, fileNameOf(kind)), `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`);
      return fileNameOf(kind);
    });
  } catch (cause) {
    throw new LoopError(
      "input_invalid",
      `The schemas cannot be written to ${folder} (${(cause as NodeJS.ErrnoException).code}). Expected a workspace folder where this account may write.`,
      {
        facts: { folder },
        cause,
      },
    );
  }
}
