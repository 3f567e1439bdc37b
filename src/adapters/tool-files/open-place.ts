import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const LONGEST_PATH = 4_096;
const LONGEST_NAME_BYTES = 255;

/** A folder that is held open: what is named below it is named from there, wherever somebody moves it meanwhile. */
export interface Folder {
  readonly handle: FileHandle;
  /** Where it really lies. */
  readonly path: string;
  /** How the system reaches a name in exactly this folder. */
  at(name: string): string;
}

export const refused = (message: string): LoopError => new LoopError("input_invalid", message);

/** The names of a path below a root. @throws LoopError input_invalid for one that could lead elsewhere, or that no system can hold */
export function segmentsOf(path: string): string[] {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) throw refused("The path has a control character in it. Expected a path below the root.");
  if (path.startsWith("/")) throw refused("The path begins with /. Expected a path below the root, such as reports/may.md.");
  if (path.length > LONGEST_PATH) throw refused(`The path has ${path.length} characters; ${LONGEST_PATH} is the most.`);
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) throw refused("The path has .. in it. Expected a path below the root.");
  const long = segments.find((segment) => Buffer.byteLength(segment) > LONGEST_NAME_BYTES);
  if (long !== undefined) throw refused(`A name in the path has ${Buffer.byteLength(long)} bytes; ${LONGEST_NAME_BYTES} is the most.`);
  return segments;
}

/** Opens folder after folder, following no link, each from the one before; so nobody can put a link in the way in between. The caller closes what it gets. */
export async function openFolder(root: string, segments: readonly string[], { makes = false } = {}): Promise<Folder> {
  let folder = held(await open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), root);
  try {
    for (const segment of segments) {
      if (makes) await mkdir(folder.at(segment), { mode: 0o755 }).catch(ignoreExisting);
      const next = await step(folder, segment);
      await folder.handle.close();
      folder = next;
    }
    return folder;
  } catch (error) {
    await folder.handle.close();
    throw error;
  }
}

async function step(folder: Folder, segment: string): Promise<Folder> {
  const path = join(folder.path, segment);
  try {
    const handle = await open(folder.at(segment), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const next = held(handle, path);
    if (process.platform === "linux" || (await isStill(handle, path))) return next;
    await handle.close();
    throw refused(`${path} was replaced while it was opened. Nothing was read or written.`);
  } catch (error) {
    throw explained(error, path);
  }
}

/** Linux names a file from a folder that is open by /proc (proc_pid_fd(5)), as openat(2) would. Elsewhere the path is compared afterwards. */
const held = (handle: FileHandle, path: string): Folder => ({
  handle,
  path,
  at: (name) => (process.platform === "linux" ? `/proc/self/fd/${handle.fd}/${name}` : join(path, name)),
});

async function isStill(handle: FileHandle, path: string): Promise<boolean> {
  const [mine, there] = await Promise.all([handle.stat(), lstat(path)]);
  return mine.ino === there.ino && mine.dev === there.dev && (await realpath(path)) === path;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}

/** An ordinary file with one name, open for reading. A link, a device, a pipe, and a file that has a second name elsewhere are refused. */
export async function openFile(folder: Folder, name: string): Promise<{ handle: FileHandle; facts: Stats }> {
  const path = join(folder.path, name);
  try {
    requireOrdinary(await lstat(folder.at(name)), path); // before it is opened: opening a device can already do something
    const handle = await open(folder.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const facts = await handle.stat();
      requireOrdinary(facts, path);
      return { handle, facts };
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw explained(error, path);
  }
}

export function requireOrdinary(facts: Stats, path: string): void {
  if (facts.isSymbolicLink()) throw refused(`${path} is a link. Links are not followed.`);
  if (!facts.isFile()) throw refused(`${path} is no ordinary file.`);
  if (facts.nlink > 1) throw refused(`${path} has ${facts.nlink} names (hard links), so it may belong to another folder too. Copy it first.`);
}

/** What the system said, for a person. */
export function explained(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof LoopError || code === undefined) return error;
  const why: Readonly<Record<string, string>> = {
    ENOENT: "is not there",
    ELOOP: "is a link, and links are not followed",
    ENOTDIR: "is no folder, or a link to one",
    EISDIR: "is a folder",
    EACCES: "may not be opened by the server",
    ENOSPC: "could not be written: the disk is full",
    EROFS: "is on a read-only disk",
  };
  return new LoopError("tool_failed", `${path} ${why[code] ?? `could not be used (${code})`}.`, { facts: { code }, cause: error });
}
