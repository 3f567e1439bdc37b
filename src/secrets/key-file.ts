import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { unavailable } from "./unavailable.ts";

export interface SealingKey {
  /** Made from the key; says nothing about it. */
  readonly id: string;
  readonly bytes: Buffer;
}

export const KEY_BYTES = 32;
const HEAD = "# The keys of the sealed secrets, newest last. Whoever lacks this file cannot open them: keep a copy apart from the database.\n";
const OTHERS_BITS = 0o077;

export const sealingKey = (bytes: Buffer): SealingKey => ({ id: sha256(Buffer.concat([Buffer.from("loopwright sealing key\n"), bytes])).slice(0, 16), bytes });

/** Newest last; null when there is no such file. @throws LoopError secret_unavailable when others may read it or it is no file of keys */
export async function readKeys(path: string): Promise<readonly SealingKey[] | null> {
  const file = await openIfThere(path);
  if (file === null) return null;
  try {
    const found = await file.stat();
    if (!found.isFile()) throw unusable(path, "it is not a regular file.");
    if ((found.mode & OTHERS_BITS) !== 0) throw unusable(path, "other accounts may open it. Run chmod 600 on it.");
    const lines = (await file.readFile("utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const keys = lines.map((line) => sealingKey(Buffer.from(line, "base64")));
    if (keys.length === 0 || keys.some((key) => key.bytes.length !== KEY_BYTES))
      throw unusable(path, "it does not hold keys. Put the file back that belongs to this database.");
    return keys;
  } finally {
    await file.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "ENOENT") return null;
    throw unusable(path, `it cannot be read (${code}).`, cause);
  }
}

/** Makes the file with one key, whole or not at all. When it is there already, also by another process this instant, that one stays. */
export async function createKeyFile(path: string): Promise<void> {
  await writing(path, async (draft) => {
    await writeWhole(draft, [sealingKey(randomBytes(KEY_BYTES))]);
    await link(draft, path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
    });
  });
}

/** Puts these keys in place of those in the file; a crash leaves the old ones or the new ones. The caller sees to it that nobody else does the same. */
export async function replaceKeys(path: string, keys: readonly SealingKey[]): Promise<void> {
  await writing(path, async (draft) => {
    await writeWhole(draft, keys);
    await rename(draft, path);
    const siblings = await readdir(dirname(path));
    const left = siblings.filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith(".draft"));
    await Promise.all(left.map((name) => rm(join(dirname(path), name), { force: true }))); // drafts of a process that died hold keys too
  });
}

async function writing(path: string, work: (draft: string) => Promise<void>): Promise<void> {
  const folder = dirname(path);
  const draft = `${path}.${randomBytes(8).toString("hex")}.draft`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await work(draft);
    await syncFolder(folder);
  } catch (cause) {
    throw unusable(path, `it cannot be written (${(cause as NodeJS.ErrnoException).code ?? "unknown"}). The folder must be writable for this account.`, cause);
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeWhole(path: string, keys: readonly SealingKey[]): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${HEAD}${keys.map((key) => `${key.bytes.toString("base64")}\n`).join("")}`);
    await file.sync(); // a row must never be on disk before its key
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const unusable = (path: string, why: string, cause?: unknown) =>
  unavailable({ subject: "The sealing keys are", name: "sealing keys", source: `file:${path}`, why, cause });
