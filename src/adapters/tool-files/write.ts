import { constants } from "node:fs";
import { lstat, open, rename, unlink } from "node:fs/promises";
import { sha256, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { explained, type Folder, openFile, openFolder, requireOrdinary } from "./open-place.ts";
import type { Place } from "./roots.ts";

export interface Writing {
  readonly text: string;
  /** SHA-256 of the file that is to be replaced; `null`: there is to be none; left out: whatever is there. */
  readonly base?: string | null | undefined;
  readonly makesFolders: boolean;
  /** Names the file that is written first, so that a second try of the same act leaves no other. */
  readonly key: string;
}

/** The whole file or nothing: written beside it, made durable, put in its place. The same again changes nothing. */
export async function writeFile(place: Place, writing: Writing): Promise<Json> {
  const folder = await openFolder(place.base, place.segments.slice(0, -1), { makes: writing.makesFolders });
  try {
    const name = place.segments.at(-1)!;
    const before = await contentOf(folder, name);
    const digest = sha256(writing.text);
    const result = { path: place.path, sha256: digest, sizeBytes: Buffer.byteLength(writing.text) };
    if (before?.digest === digest) return { ...result, changed: false };
    if (writing.base !== undefined && (before?.digest ?? null) !== writing.base)
      throw new LoopError(
        "tool_failed",
        `${place.path} is not the file that was to be replaced: it has SHA-256 ${before?.digest ?? "none, it is not there"}. Read it again.`,
      );
    await replace(folder, name, { ...writing, mode: before?.mode ?? 0o644 });
    return { ...result, changed: true };
  } catch (error) {
    throw explained(error, place.path);
  } finally {
    await folder.handle.close();
  }
}

async function contentOf(folder: Folder, name: string): Promise<{ digest: string; mode: number } | undefined> {
  const facts = await lstat(folder.at(name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!facts) return undefined;
  requireOrdinary(facts, name);
  const { handle } = await openFile(folder, name);
  try {
    return { digest: sha256(await handle.readFile()), mode: facts.mode & 0o777 };
  } finally {
    await handle.close();
  }
}

async function replace(folder: Folder, name: string, { text, key, mode }: Writing & { mode: number }): Promise<void> {
  const draft = `.${key}.part`;
  await unlink(folder.at(draft)).catch(() => undefined); // what a crash left
  const handle = await open(folder.at(draft), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await unlink(folder.at(draft)).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
  failpoint("files.drafted");
  await rename(folder.at(draft), folder.at(name)); // takes the place of a link, never of what it leads to
  await folder.handle.sync();
}
