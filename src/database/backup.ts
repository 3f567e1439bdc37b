import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type pg from "pg";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import { connectForCopy, prepareForCopy } from "./backup-connection.ts";
import { copyOut } from "./backup-copy.ts";
import { listWorkspace, openFile } from "./backup-files.ts";
import {
  BACKUP_FORMAT,
  type BackupHead,
  type BackupManifest,
  type BackupTable,
  type FileDigest,
  HEAD_NAME,
  KEYS_NAME,
  MANIFEST_NAME,
  type TableDigest,
  tableKey,
  TABLES_FOLDER,
  WORKSPACE_FOLDER,
} from "./backup-format.ts";
import { keyFilesOf, readKeyFiles, sealKeys } from "./backup-keys.ts";
import { type Contents, copyOutText, readContents } from "./backup-tables.ts";
import { TAR_END, tarHeader, tarPadding } from "./backup-tar.ts";
import type { Home } from "./home.ts";
import { isConnectionLoss } from "./open.ts";

export interface BackupOptions {
  /** The database of the home. A server may be at work on it. */
  readonly url: string;
  readonly home: Home;
  readonly workspaceFolder: string;
  readonly secretsKeyFile: string;
  /** Absolute; does not exist yet. By custom it ends in `.loopwright-backup`. */
  readonly out: string;
  /** Without one the keys are left out, and the backup says so. */
  readonly passphrase?: string;
  /** Of this program. */
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly onProgress?: (progress: BackupProgress) => void;
}

export interface BackupProgress {
  /** For a person: `table public.events`, `workspace`. */
  readonly part: string;
  readonly doneBytes: number;
  /** What the database takes on disk: more than what is copied, so good for a sense of it only. */
  readonly expectedBytes: number;
}

/**
 * Writes the whole home as of one moment into one file: the record from one snapshot, then the workspace, the keys under a passphrase, and a manifest of
 * digests. The file appears under its name when it is complete and on disk. Gives its manifest.
 * @throws LoopError input_invalid | storage_full | database_unavailable | workspace_moving
 */
export async function backup(options: BackupOptions): Promise<BackupManifest> {
  const { out } = options;
  const part = `${out}.part`;
  if (
    await access(out).then(
      () => true,
      () => false,
    )
  )
    throw new LoopError("input_invalid", `There is already a file ${out}. Give another name; a backup never replaces one.`);
  const client = await connectForCopy(options.url, "backup", options.log);
  try {
    await rm(part, { force: true });
    const writing = new Writing(options, client, part);
    await pipeline(Readable.from(writing.archive()), createGzip({ level: 1 }), createWriteStream(part, { flags: "wx", mode: 0o600 }));
    await syncFile(part);
    await rename(part, out);
    await syncFile(dirname(out));
    return writing.manifest!;
  } catch (error) {
    await rm(part, { force: true });
    throw named(error, out);
  } finally {
    await client.end();
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function named(error: unknown, out: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (error instanceof LoopError) return error;
  if (code === "ENOSPC")
    return new LoopError("storage_full", `There is no room for the backup ${out}. Write it to another disk; nothing was left behind.`, { cause: error });
  if (["EACCES", "ENOENT", "EROFS", "ENOTDIR", "EPERM"].includes(code)) {
    return new LoopError("input_invalid", `The backup ${out} cannot be written (${code}). Give a path in a folder that is there and writable.`, {
      cause: error,
    });
  }
  if (isConnectionLoss(error))
    return new LoopError("database_unavailable", "The database went away while the backup was made. Nothing was left behind; make it again.", { cause: error });
  return error;
}

/** One backup on its way. The connection is used by nobody else. */
class Writing {
  manifest: BackupManifest | undefined;
  readonly #options: BackupOptions;
  readonly #client: pg.Client;
  readonly #part: string;
  readonly #digests: TableDigest[] = [];
  readonly #files: FileDigest[] = [];
  readonly #skipped: string[] = [];
  #doneBytes = 0;

  constructor(options: BackupOptions, client: pg.Client, part: string) {
    this.#options = options;
    this.#client = client;
    this.#part = part;
  }

  async *archive(): AsyncGenerator<Buffer> {
    await this.#openSnapshot();
    const contents = await readContents(this.#client);
    const keys = await this.#sealedKeys();
    const head = this.#headOf(contents, keys !== undefined);
    yield* entry(HEAD_NAME, JSON.stringify(head, null, 1));
    if (keys !== undefined) yield* entry(KEYS_NAME, keys);
    for (const table of contents.tables) yield* this.#tableEntries(table, contents.sizeBytes);
    await this.#client.query("commit");
    yield* this.#workspaceEntries(contents.sizeBytes);
    const { sequences, facts } = contents;
    this.manifest = { ...head, digests: this.#digests, sequences, files: this.#files, skipped: this.#skipped, facts };
    yield* entry(MANIFEST_NAME, JSON.stringify(this.manifest, null, 1));
    yield TAR_END;
  }

  /** A migration that rewrites a table would empty it for an older snapshot: while a backup is made none runs, and the other way round. */
  async #openSnapshot(): Promise<void> {
    await this.#client.query("begin isolation level repeatable read, read only");
    await prepareForCopy(this.#client);
    const { rows } = await this.#client.query<{ locked: boolean }>(
      "select pg_try_advisory_xact_lock_shared(hashtextextended('loopwright.migrate', 0)) as locked",
    );
    if (!rows[0]!.locked) throw new LoopError("database_unavailable", "The database is being migrated. Make the backup when that is done.");
  }

  async #sealedKeys(): Promise<string | undefined> {
    const { home, secretsKeyFile, passphrase } = this.#options;
    if (passphrase === undefined) return undefined;
    return sealKeys(await readKeyFiles(keyFilesOf(home, secretsKeyFile)), { passphrase, homeId: home.id });
  }

  #headOf({ migrations, queueVersion, tables }: Contents, hasKeys: boolean): BackupHead {
    const { version, clock, home } = this.#options;
    const createdAt = new Date(clock.nowMs()).toISOString();
    return { format: BACKUP_FORMAT, version, createdAt, homeId: home.id, migrations, queueVersion, keys: hasKeys ? "sealed" : "left out", tables };
  }

  async *#tableEntries(table: BackupTable, expectedBytes: number): AsyncGenerator<Buffer> {
    const key = tableKey(table);
    const hash = createHash("sha256");
    let sizeBytes = 0;
    const copy = copyOut(this.#client, copyOutText(table));
    let block = await copy.next();
    for (let number = 1; !block.done; number += 1, block = await copy.next()) {
      hash.update(block.value);
      sizeBytes += block.value.length;
      yield* entry(`${TABLES_FOLDER}${key}/${number}`, block.value);
      this.#tell({ part: `table ${key}`, addedBytes: block.value.length, expectedBytes });
    }
    this.#digests.push({ table: key, rows: block.value, sizeBytes, sha256: hash.digest("hex") });
  }

  async *#workspaceEntries(expectedBytes: number): AsyncGenerator<Buffer> {
    const mine = await realpath(this.#part);
    for await (const found of listWorkspace(this.#options.workspaceFolder, { not: [mine], skipped: this.#skipped })) {
      const name = `${WORKSPACE_FOLDER}${found.path}`;
      if (found.kind === "folder") {
        yield tarHeader({ name: `${name}/`, kind: "folder", sizeBytes: 0, isExecutable: true });
        continue;
      }
      const file = await openFile(found);
      if (file === undefined) continue;
      yield tarHeader({ name, kind: "file", sizeBytes: file.sizeBytes, isExecutable: file.isExecutable });
      const hash = createHash("sha256");
      for await (const piece of file.bytes()) {
        hash.update(piece);
        yield piece;
      }
      yield tarPadding(file.sizeBytes);
      this.#files.push({ path: found.path, sizeBytes: file.sizeBytes, sha256: hash.digest("hex") });
      this.#tell({ part: "workspace", addedBytes: file.sizeBytes, expectedBytes });
    }
  }

  #tell({ part, addedBytes, expectedBytes }: { part: string; addedBytes: number; expectedBytes: number }): void {
    this.#doneBytes += addedBytes;
    this.#options.onProgress?.({ part, doneBytes: this.#doneBytes, expectedBytes });
  }
}

function* entry(name: string, content: string | Buffer): Generator<Buffer> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  yield tarHeader({ name, kind: "file", sizeBytes: bytes.length, isExecutable: false });
  yield bytes;
  yield tarPadding(bytes.length);
}
