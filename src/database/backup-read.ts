import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { LoopError } from "#src/kernel/errors.ts";
import {
  BACKUP_FORMAT,
  type BackupHead,
  type BackupManifest,
  type BackupTable,
  type FileDigest,
  formatOf,
  HEAD_NAME,
  KEYS_NAME,
  MANIFEST_NAME,
  readHead,
  readManifest,
  type TableDigest,
  tableKey,
  TABLES_FOLDER,
  WORKSPACE_FOLDER,
} from "./backup-format.ts";
import { isPartLeftOut, pathFault } from "./backup-names.ts";
import { damaged, type OpenEntry, readTar, type TarEntry } from "./backup-tar.ts";

/** Takes the parts of a backup in their order. Whatever it does must be undone when the reading ends in an error: only the end tells that all of it was whole. */
export interface BackupVisitor {
  head?(head: BackupHead): Promise<void>;
  /** As sealed. */
  keys?(sealed: string): Promise<void>;
  /** Rows as COPY writes them, cut anywhere. */
  table?(table: BackupTable, rows: AsyncGenerator<Buffer>): Promise<void>;
  /** `name` stays below the folder that it is joined to. */
  workspace?(entry: TarEntry, bytes: AsyncGenerator<Buffer>): Promise<void>;
}

const LONGEST_TEXT_BYTES = 268_435_456;

/** @throws LoopError backup_invalid | backup_newer | input_invalid */
export async function readBackup(file: string, visitor: BackupVisitor): Promise<BackupManifest> {
  const compressed = createReadStream(file);
  const plain = createGunzip({ chunkSize: 1_048_576 });
  compressed.on("error", (error) => plain.destroy(error));
  compressed.pipe(plain);
  try {
    return await new Reading(plain, visitor).all();
  } catch (error) {
    throw named(error, file);
  } finally {
    compressed.destroy();
    plain.destroy();
  }
}

function named(error: unknown, file: string): unknown {
  const code = String((error as NodeJS.ErrnoException).code ?? "");
  if (code.startsWith("Z_")) return damaged("it is cut off or not compressed as a backup is", error);
  if (["ENOENT", "EACCES", "EISDIR", "ENOTDIR"].includes(code) && (error as NodeJS.ErrnoException).path === file) {
    return new LoopError("input_invalid", `The backup ${file} cannot be read (${code}). Give the path of a file that this account may read.`, { cause: error });
  }
  return error;
}

class Reading {
  readonly #entries: AsyncGenerator<OpenEntry>;
  readonly #visitor: BackupVisitor;
  #entry: OpenEntry | undefined;

  constructor(bytes: AsyncIterable<Buffer>, visitor: BackupVisitor) {
    this.#entries = readTar(bytes);
    this.#visitor = visitor;
  }

  async all(): Promise<BackupManifest> {
    await this.#next();
    const head = await this.#head();
    await this.#visitor.head?.(head);
    if (head.keys === "sealed") {
      const sealed = await this.#text(KEYS_NAME);
      await this.#visitor.keys?.(sealed);
    }
    const digests: Omit<TableDigest, "rows">[] = [];
    for (const table of head.tables) digests.push(await this.#table(table));
    const files: FileDigest[] = [];
    while (this.#entry?.name.startsWith(WORKSPACE_FOLDER)) files.push(...(await this.#workspace(this.#entry)));
    const manifest = readManifest(await this.#text(MANIFEST_NAME), head);
    if (this.#entry !== undefined) throw damaged("there is more after its end");
    requireEqual(
      digests,
      manifest.digests.map(({ rows: _rows, ...digest }) => digest),
    );
    requireEqual(files, manifest.files);
    return manifest;
  }

  async #next(): Promise<void> {
    const { value, done } = await this.#entries.next();
    this.#entry = done ? undefined : value;
  }

  async #head(): Promise<BackupHead> {
    const text = await this.#text(HEAD_NAME);
    const format = formatOf(text);
    if (format === BACKUP_FORMAT) return readHead(text);
    if (typeof format !== "string" || !format.startsWith("loopwright.backup/")) throw damaged("it was not written by Loopwright");
    throw new LoopError(
      "backup_newer",
      `The backup has the format ${format}; this Loopwright reads ${BACKUP_FORMAT}. Restore it with the version that wrote it.`,
      { facts: { format } },
    );
  }

  /** The whole of the entry that must stand here. */
  async #text(name: string): Promise<string> {
    const entry = this.#entry;
    if (entry?.name !== name || entry.kind !== "file" || entry.sizeBytes > LONGEST_TEXT_BYTES)
      throw damaged(`${name} should stand where ${JSON.stringify(entry?.name.slice(0, 100) ?? "its end")} does`);
    const pieces: Buffer[] = [];
    for await (const piece of entry.bytes()) pieces.push(piece);
    await this.#next();
    return Buffer.concat(pieces).toString("utf8");
  }

  async #table(table: BackupTable): Promise<Omit<TableDigest, "rows">> {
    const key = tableKey(table);
    const tally = new Tally();
    const rows = tally.count(this.#pieces(`${TABLES_FOLDER}${key}/`));
    await this.#visitor.table?.(table, rows);
    await finish(rows);
    return { table: key, ...tally.end() };
  }

  async *#pieces(folder: string): AsyncGenerator<Buffer> {
    for (let number = 1; this.#entry?.name === `${folder}${number}`; number += 1) {
      yield* this.#entry.bytes();
      await this.#next();
    }
  }

  async #workspace(found: OpenEntry): Promise<FileDigest[]> {
    const path = found.name.slice(WORKSPACE_FOLDER.length).replace(found.kind === "folder" ? /\/$/ : /$^/, "");
    const fault = pathFault(path) ?? (isPartLeftOut(path) ? "a file that no backup takes, since git or a program would run it" : undefined);
    if (fault !== undefined) throw damaged(`it has ${fault}`);
    const tally = new Tally();
    const bytes = tally.count(found.bytes());
    await this.#visitor.workspace?.({ ...found, name: path }, bytes);
    await finish(bytes);
    await this.#next();
    return found.kind === "folder" ? [] : [{ path, ...tally.end() }];
  }
}

/** What a visitor left. */
async function finish(bytes: AsyncGenerator<Buffer>): Promise<void> {
  while (!(await bytes.next()).done);
}

class Tally {
  readonly #hash = createHash("sha256");
  #sizeBytes = 0;

  async *count(pieces: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      this.#hash.update(piece);
      this.#sizeBytes += piece.length;
      yield piece;
    }
  }

  end(): { sizeBytes: number; sha256: string } {
    return { sizeBytes: this.#sizeBytes, sha256: this.#hash.digest("hex") };
  }
}

function requireEqual<T extends object>(found: readonly T[], told: readonly T[]): void {
  const same = (a: T, b: T | undefined): boolean => b !== undefined && Object.entries(a).every(([key, value]) => b[key as keyof T] === value);
  const differing = found.find((one, index) => !same(one, told[index]));
  if (differing === undefined && found.length === told.length) return;
  throw damaged(`${JSON.stringify(differing ?? "a part")} is not what its ${MANIFEST_NAME} says`);
}

/** Reads all of a backup and compares every byte with what its manifest says. Needs no database and no passphrase. @throws LoopError backup_invalid | backup_newer | input_invalid */
export const verifyBackup = (file: string): Promise<BackupManifest> => readBackup(file, {});
