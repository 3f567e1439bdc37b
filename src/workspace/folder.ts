import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type FileSet, isWanted, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, placeOf, TOP_LEVEL } from "./files.ts";
import { distance } from "./nearest.ts";
import { fileProblem, inOrder, type Problem } from "./problem.ts";

const MAX_FOLDER_DEPTH = 8;

const READ_AT_ONCE = 16;

interface Listing {
  readonly root: string;
  /** Path in the workspace to the file that is read for it. */
  readonly targets: Map<string, string>;
  readonly problems: Problem[];
}

/** Reads what is wanted of a folder. What is refused is said, and the rest still read. @throws LoopError workspace_invalid when there is no such folder */
export async function listFolder(folder: string): Promise<{ files: FileSet; problems: readonly Problem[] }> {
  const listing = await listTargets(folder);
  for (const path of [...listing.targets.keys()].filter((one) => placeOf(one) === "definedService")) {
    listing.targets.delete(path);
    listing.problems.push(fileProblem(path, "a file that only an apply makes", `the code alone, ${path.slice(0, -".json".length)}`));
  }
  const files = listing.targets.size > MAX_FILES ? new Map<string, Uint8Array>() : await readAll(listing);
  return { files, problems: inOrder(listing.problems) };
}

/** What is wanted of a folder, nothing of it read yet. */
async function listTargets(folder: string): Promise<Listing> {
  const { root, entries } = await entriesOf(folder);
  const listing: Listing = { root, targets: new Map(), problems: [] };
  for (const entry of byName(entries)) {
    if ((TOP_LEVEL as readonly string[]).includes(entry.name)) await take(listing, entry.name, entry);
    else if (misnamed(entry.name)) listing.problems.push(fileProblem(entry.name, "a name that is not read", `${misnamed(entry.name)}; rename or remove it`));
  }
  if (listing.targets.size > MAX_FILES) listing.problems.push(fileProblem("loop.yaml", `a workspace of more than ${MAX_FILES} files`, `${MAX_FILES} at most`));
  return listing;
}

/** A file that was written so lately may be written again without a sign: many disks keep times in steps of milliseconds, some of two seconds. */
const SETTLED_MS = 3_000;

/**
 * A text that stays the same as long as nothing was changed in the folder; no file is read for it. Undefined when that cannot be said: a file was
 * changed a moment ago, or something is wrong with the folder. @throws LoopError workspace_invalid when there is no such folder
 */
export async function folderFingerprint(folder: string, nowMs: number): Promise<string | undefined> {
  const { targets, problems } = await listTargets(folder);
  if (problems.length > 0) return undefined;
  const marks: string[] = [];
  for (const [path, target] of targets) {
    const facts = await stat(target, { bigint: true }).catch(() => undefined); // gone meanwhile
    if (facts === undefined || Number(facts.ctimeMs) > nowMs - SETTLED_MS) return undefined;
    marks.push(`${path} ${facts.ino} ${facts.size} ${facts.mtimeNs} ${facts.ctimeNs}`);
  }
  return sha256(marks.join("\n"));
}

async function readAll(listing: Listing): Promise<FileSet> {
  const files = new Map<string, Uint8Array>();
  const targets = [...listing.targets];
  let totalBytes = 0;
  for (let from = 0; from < targets.length; from += READ_AT_ONCE) {
    const batch = targets.slice(from, from + READ_AT_ONCE);
    const contents = await Promise.all(batch.map(([path, target]) => readOne(listing, path, target)));
    contents.forEach((bytes, index) => bytes && files.set(batch[index]![0].normalize("NFC"), bytes));
    totalBytes += contents.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0);
    if (totalBytes <= MAX_TOTAL_BYTES) continue;
    listing.problems.push(fileProblem("loop.yaml", "a workspace of more than 64 MB", "64 MB at most"));
    break;
  }
  return files;
}

async function entriesOf(folder: string): Promise<{ root: string; entries: Dirent[] }> {
  try {
    const root = await realpath(folder);
    return { root, entries: await readdir(root, { withFileTypes: true }) };
  } catch (cause) {
    throw new LoopError(
      "workspace_invalid",
      `The workspace folder ${folder} cannot be opened (${codeOf(cause)}). Make one with \`loop init\`, or set LOOP_WORKSPACE.`,
      { cause },
    );
  }
}

const byName = (entries: readonly Dirent[]): Dirent[] => entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** The known name that this one was surely meant to be: one letter apart, in the singular, in other case or with another ending. */
function misnamed(name: string): string | undefined {
  const typed = name.toLowerCase();
  return TOP_LEVEL.find((known) => {
    const lower = known.toLowerCase();
    const singular = lower.replace(/ies$/, "y").replace(/s$/, "");
    return distance(typed, lower) <= 1 || typed === singular || (typed.startsWith("loop.") && /^loop\.(?:yml|json)$/.test(typed) && known === "loop.yaml");
  });
}

async function take(listing: Listing, path: string, entry: Dirent): Promise<void> {
  if (listing.targets.size > MAX_FILES) return;
  if (entry.isSymbolicLink()) return takeLink(listing, path);
  if (entry.isFile() && isWanted(path)) listing.targets.set(path, join(listing.root, path));
  if (entry.isDirectory()) return takeFolder(listing, path);
}

async function takeFolder(listing: Listing, path: string): Promise<void> {
  if (path.split("/").length > MAX_FOLDER_DEPTH) {
    listing.problems.push(fileProblem(path, `folders nested more than ${MAX_FOLDER_DEPTH} deep`, `${MAX_FOLDER_DEPTH} levels at most`));
    return;
  }
  const entries = await opened(listing, path, readdir(join(listing.root, path), { withFileTypes: true }));
  for (const entry of byName(entries ?? [])) {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "__pycache__") continue;
    await take(listing, `${path}/${entry.name}`, entry);
  }
}

/** A link may give a file a second name inside the workspace. It may not bring in what lies outside it, or is hidden in it. */
async function takeLink(listing: Listing, path: string): Promise<void> {
  const refuse = (seen: string) => void listing.problems.push(fileProblem(path, seen, "a file, or a link to a file of the workspace"));
  const target = await opened(listing, path, realpath(join(listing.root, path)));
  if (target === undefined) return isWanted(path) ? refuse("a link to nothing") : undefined;
  const parts = relative(listing.root, target).split(sep);
  if (parts[0] === ".." || isAbsolute(parts.join(sep))) return refuse("a link that leaves the workspace");
  if (parts.some((part) => part.startsWith("."))) return refuse("a link to a hidden file");
  const facts = await opened(listing, path, stat(target));
  if (facts?.isDirectory()) return refuse("a link to a folder");
  if (facts?.isFile() && isWanted(path)) listing.targets.set(path, target);
}

async function readOne(listing: Listing, path: string, target: string): Promise<Uint8Array | undefined> {
  // Not blocking: a pipe would hang. Not following: what was looked at is what is opened.
  const handle = await opened(listing, path, open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (handle === undefined) return undefined;
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) return undefined;
    if (facts.size <= MAX_FILE_BYTES) return await readExactly(handle, facts.size);
    listing.problems.push(fileProblem(path, `a file of ${facts.size} bytes`, `${MAX_FILE_BYTES} bytes at most`));
    return undefined;
  } finally {
    await handle.close();
  }
}

/** As many bytes as the file had when it was looked at: one that is being written to has no end. */
async function readExactly(handle: FileHandle, sizeBytes: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(sizeBytes);
  let length = 0;
  while (length < sizeBytes) {
    const { bytesRead } = await handle.read(bytes, length, sizeBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? "no reason given");

/** What the system refuses becomes a problem. What is gone by now was never there: undefined without a word. */
async function opened<T>(listing: Listing, path: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (code !== "ENOENT") listing.problems.push(fileProblem(path, `what cannot be opened (${code})`, "a file that the server may read"));
    return undefined;
  }
}
