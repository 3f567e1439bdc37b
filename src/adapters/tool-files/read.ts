import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FileHandle } from "node:fs/promises";
import type { Json } from "#src/kernel/canonical-json.ts";
import { explained, type Folder, openFile, openFolder, refused } from "./open-place.ts";
import { isClosed, type FilesDeps, type Place } from "./roots.ts";

const LARGEST_FILE_BYTES = 67_108_864;
const MOST_ENTRIES = 1_000;
const MOST_FILES = 5_000;
const MOST_SEARCHED_BYTES = 67_108_864;
const LARGEST_SEARCHED_BYTES = 1_048_576;
const LONGEST_LINE = 300;
const DEEPEST = 32;

/** A part of a text file, and the digest of the whole. */
export async function readFile(place: Place, { offset, maxBytes }: { offset: number; maxBytes: number }): Promise<Json> {
  const name = place.segments.at(-1);
  if (name === undefined) throw refused(`${place.path} is a folder. Expected a file below it.`);
  const folder = await openFolder(place.base, place.segments.slice(0, -1));
  try {
    const { handle, facts } = await openFile(folder, name);
    try {
      if (facts.size > LARGEST_FILE_BYTES) throw refused(`${place.path} has ${facts.size} bytes; ${LARGEST_FILE_BYTES} is the most.`);
      const bytes = await exactly(handle, facts.size);
      const part = bytes.subarray(offset, offset + maxBytes);
      const truncated = offset + part.length < bytes.length;
      const head = { path: place.path, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
      if (bytes.includes(0)) return { ...head, note: "not a text; its content is left out" };
      return { ...head, offset, text: new TextDecoder().decode(part, { stream: truncated }), truncated };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explained(error, place.path);
  } finally {
    await folder.handle.close();
  }
}

/** As many bytes as it had when it was looked at: one that is being written to has no end. */
async function exactly(handle: FileHandle, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  let length = 0;
  while (length < sizeBytes) {
    const { bytesRead } = await handle.read(bytes, length, sizeBytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/** Names in a folder, sorted. Links are named as such and lead nowhere. */
export async function listFolder(place: Place): Promise<Json> {
  const folder = await openFolder(place.base, place.segments);
  try {
    const entries = (await entriesOf(folder)).map(({ name, kind }) => ({ name, kind }));
    return { path: place.path, entries: entries.slice(0, MOST_ENTRIES), truncated: entries.length > MOST_ENTRIES };
  } finally {
    await folder.handle.close();
  }
}

async function entriesOf(folder: Folder): Promise<{ name: string; kind: "file" | "folder" | "link" | "other" }[]> {
  const entries = await readdir(folder.at("."), { withFileTypes: true });
  return entries
    .map((entry) => ({
      name: entry.name,
      kind: entry.isFile() ? ("file" as const) : entry.isDirectory() ? ("folder" as const) : entry.isSymbolicLink() ? ("link" as const) : ("other" as const),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

interface Hunt {
  readonly wanted: string;
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly deps: FilesDeps;
  readonly hits: { path: string; line: number; text: string }[];
  files: number;
  bytes: number;
}

const isOver = (hunt: Hunt): boolean => hunt.hits.length >= hunt.limit || hunt.files >= MOST_FILES || hunt.bytes >= MOST_SEARCHED_BYTES;

/** Lines that have a text in them, whatever its case, in the files below a folder. Files that are not text, links and large files are passed over. */
export async function searchFolder(place: Place, asked: Pick<Hunt, "wanted" | "limit" | "signal" | "deps">): Promise<Json> {
  const hunt: Hunt = { ...asked, wanted: asked.wanted.toLowerCase(), hits: [], files: 0, bytes: 0 };
  await huntBelow(place.base, place.segments, hunt);
  return { path: place.path, hits: hunt.hits, filesSearched: hunt.files, truncated: isOver(hunt) };
}

async function huntBelow(base: string, segments: readonly string[], hunt: Hunt): Promise<void> {
  const folder = await openFolder(base, segments);
  try {
    for (const { name, kind } of await entriesOf(folder)) {
      if (isOver(hunt)) return;
      hunt.signal.throwIfAborted();
      const isInside = name !== ".git" && name !== "node_modules" && !isClosed(join(folder.path, name), hunt.deps);
      if (kind === "folder" && isInside && segments.length < DEEPEST) await huntBelow(base, [...segments, name], hunt);
      if (kind === "file" && isInside) await searchFile(folder, name, hunt);
    }
  } finally {
    await folder.handle.close();
  }
}

async function searchFile(folder: Folder, name: string, hunt: Hunt): Promise<void> {
  const opened = await openFile(folder, name).catch(() => undefined); // not ours to read: passed over, as is a file with two names
  if (!opened) return;
  try {
    hunt.files += 1;
    if (opened.facts.size > LARGEST_SEARCHED_BYTES) return;
    const bytes = await exactly(opened.handle, opened.facts.size);
    hunt.bytes += bytes.length;
    if (bytes.includes(0)) return;
    for (const [index, text] of bytes.toString("utf8").split("\n").entries()) {
      if (!text.toLowerCase().includes(hunt.wanted)) continue;
      hunt.hits.push({ path: join(folder.path, name), line: index + 1, text: text.slice(0, LONGEST_LINE) });
      if (isOver(hunt)) return;
    }
  } finally {
    await opened.handle.close();
  }
}
