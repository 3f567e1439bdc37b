import { createHash } from "node:crypto";
import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import type { FileDigest } from "./backup-format.ts";
import { isLeftOut, pathFault } from "./backup-names.ts";

export interface FoundFile {
  /** In the workspace, with `/`. */
  readonly path: string;
  readonly kind: "file" | "folder";
  /** What is read for it: another file of the workspace where a link stands. */
  readonly target: string;
}

interface Walk {
  readonly root: string;
  /** Absolute paths that are not part of the workspace although they lie in it. */
  readonly not: readonly string[];
  readonly skipped: string[];
}

/** Everything in a folder that a backup takes, in order, folders before what is in them. What it cannot take is named in `skipped`. No such folder: nothing. */
export async function* listWorkspace(folder: string, { not, skipped }: Omit<Walk, "root">): AsyncGenerator<FoundFile> {
  const root = await realpath(folder).catch(() => undefined);
  if (root === undefined) skipped.push(`${folder}: there is no such folder`);
  else yield* walk({ root, not, skipped }, "");
}

async function* walk(site: Walk, path: string): AsyncGenerator<FoundFile> {
  const entries = await readdir(join(site.root, path), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    const target = join(site.root, inner);
    if (isLeftOut(inner) || site.not.includes(target)) continue;
    const fault = pathFault(inner) ?? (entry.isSymbolicLink() ? undefined : kindFault(entry));
    if (fault !== undefined) site.skipped.push(`${inner}: ${fault}`);
    else if (entry.isSymbolicLink()) yield* link(site, inner);
    else yield { path: inner, kind: entry.isFile() ? "file" : "folder", target };
    if (fault === undefined && entry.isDirectory()) yield* walk(site, inner);
  }
}

const kindFault = (entry: Dirent): string | undefined => (entry.isFile() || entry.isDirectory() ? undefined : "no file, folder or link");

/** A backup has no links. One to a file of the workspace becomes a file with the same bytes. */
async function* link({ root, skipped }: Walk, path: string): AsyncGenerator<FoundFile> {
  const target = await realpath(join(root, path)).catch(() => undefined);
  const leaves = target === undefined || relative(root, target).split(sep)[0] === "..";
  const isFile = !leaves && (await stat(target)).isFile();
  if (isFile) yield { path, kind: "file", target };
  else skipped.push(`${path}: a link that leads ${leaves ? "out of the workspace or nowhere" : "to a folder"}`);
}

export interface OpenFile {
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
  /** Exactly `sizeBytes`. @throws LoopError workspace_moving when the file became shorter meanwhile */
  bytes(): AsyncGenerator<Buffer>;
}

/** Undefined when the file is gone. The reader of `bytes` closes it by coming to the end or leaving. */
export async function openFile({ path, target }: FoundFile): Promise<OpenFile | undefined> {
  const handle = await openIfThere(target);
  if (handle === undefined) return undefined;
  const { size, mode } = await handle.stat();
  return { sizeBytes: size, isExecutable: (mode & 0o100) !== 0, bytes: () => readExactly(handle, { path, sizeBytes: size }) };
}

async function openIfThere(target: string): Promise<FileHandle | undefined> {
  try {
    return await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const PIECE_BYTES = 1_048_576;

async function* readExactly(handle: FileHandle, { path, sizeBytes }: { path: string; sizeBytes: number }): AsyncGenerator<Buffer> {
  try {
    for (let left = sizeBytes; left > 0;) {
      const piece = Buffer.allocUnsafe(Math.min(left, PIECE_BYTES));
      const { bytesRead } = await handle.read(piece, 0, piece.length, sizeBytes - left);
      if (bytesRead === 0)
        throw new LoopError("workspace_moving", `The file ${path} of the workspace became shorter while it was copied. Make the backup again.`, {
          facts: { path },
        });
      left -= bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** What a backup of this folder would say of its files. */
export async function digestWorkspace(folder: string): Promise<FileDigest[]> {
  const digests: FileDigest[] = [];
  for await (const found of listWorkspace(folder, { not: [], skipped: [] })) {
    const file = found.kind === "file" ? await openFile(found) : undefined;
    if (file === undefined) continue;
    const hash = createHash("sha256");
    for await (const piece of file.bytes()) hash.update(piece);
    digests.push({ path: found.path, sizeBytes: file.sizeBytes, sha256: hash.digest("hex") });
  }
  return digests;
}
