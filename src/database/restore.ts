import { access, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type pg from "pg";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Log } from "#src/kernel/log.ts";
import type { BackupProgress } from "./backup.ts";
import { borrowedDb, connectForCopy, prepareForCopy } from "./backup-connection.ts";
import { type BackupManifest, tableKey } from "./backup-format.ts";
import { keyFilesOf, unsealKeys } from "./backup-keys.ts";
import { readBackup, verifyBackup } from "./backup-read.ts";
import { damaged } from "./backup-tar.ts";
import type { Home } from "./home.ts";
import { MIGRATIONS_FOLDER } from "./migrate.ts";
import { type Db, isConnectionLoss, type Transaction } from "./open.ts";
import { draftOf, fileStep, folderStep, lookAtFolder, place, requireFreeKeys, taken, writeEntry } from "./restore-files.ts";
import { letGo, loadTable, requireSame, setSequences } from "./restore-load.ts";
import { migrateAsThen, migrateToNow, putBack, requireKnown, takeOff } from "./restore-schema.ts";

export interface RestoreOptions {
  readonly file: string;
  /** An empty database: not even migrated. */
  readonly url: string;
  /** A new home. It takes on the id of the one in the backup, so whoever goes on with it opens it again. */
  readonly home: Home;
  /** Absent or empty. */
  readonly workspaceFolder: string;
  readonly secretsKeyFile: string;
  /** Needed where the backup has keys, unless they are to be left behind. */
  readonly keys: { readonly passphrase: string } | "leave";
  readonly log: Log;
  /** Of journal/: recomputes the whole chain from what the database holds. */
  readonly verifyJournal: (db: Db) => Promise<{ readonly kind: "verified" } | { readonly kind: "broken"; readonly position: number; readonly what: string }>;
  readonly onProgress?: (progress: BackupProgress) => void;
  /** Default: those of this program. */
  readonly migrationsFolder?: string;
}

export interface Restored {
  readonly manifest: BackupManifest;
  /** What was added to the tables since the backup. */
  readonly migrated: readonly string[];
  readonly keys: "restored" | "left behind" | "not in the backup";
}

/**
 * Puts a backup into an empty home and an empty database, all of it or nothing: the record in one transaction, checked against the manifest, the journal
 * recomputed, files last. Older backups are migrated forward. The home it was taken from must not go on: both would act on the same tickets.
 * @throws LoopError backup_invalid | backup_newer | backup_locked | restore_target_taken | home_in_use | database_unavailable | storage_full | input_invalid
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const manifest = await verifyBackup(options.file);
  await requireKnown(manifest, folderOf(options));
  const keys = await openKeys(options, manifest);
  await requireFreeKeys(keyFilesOf(options.home, options.secretsKeyFile), keys ?? {});
  const workspace = await lookAtFolder(options.workspaceFolder, manifest);
  const client = await connectForCopy(options.url, "restore", options.log);
  try {
    const migrated = await restoreInto(client, options, { manifest, keys, workspace });
    await client.query("analyze");
    return { manifest, migrated, keys: keys ? "restored" : manifest.keys === "sealed" ? "left behind" : "not in the backup" };
  } catch (error) {
    throw named(error);
  } finally {
    await client.end();
  }
}

const folderOf = ({ migrationsFolder = MIGRATIONS_FOLDER }: RestoreOptions): string => migrationsFolder;

async function openKeys({ file, keys }: RestoreOptions, manifest: BackupManifest): Promise<Record<string, string> | undefined> {
  if (manifest.keys === "left out" || keys === "leave") return undefined;
  let sealed = "";
  await readBackup(file, { keys: async (text) => void (sealed = text) });
  return unsealKeys(sealed, { passphrase: keys.passphrase, homeId: manifest.homeId });
}

/** The locks end with the transaction. @throws LoopError home_in_use | restore_target_taken */
async function requireFreeDatabase(client: pg.Client, home: Home): Promise<void> {
  const { rows: locks } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_xact_lock(hashtextextended('loopwright.migrate', 0)) and pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked",
    [`loopwright.home.${home.id}`],
  );
  if (!locks[0]!.locked) throw new LoopError("home_in_use", "A server, a backup or another restore is at work on this home or its database. End it first.");
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
       and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') limit 1`,
  );
  if (rows[0]) throw taken(`the database has ${rows[0].name} in it`);
}

interface Known {
  readonly manifest: BackupManifest;
  readonly keys: Record<string, string> | undefined;
  readonly workspace: "free" | "same";
}

async function restoreInto(client: pg.Client, options: RestoreOptions, { manifest, keys, workspace }: Known): Promise<readonly string[]> {
  const { home, workspaceFolder, secretsKeyFile } = options;
  const draft = draftOf(workspaceFolder);
  let undo = async (): Promise<void> => undefined;
  try {
    return await borrowedDb(client)
      .transaction()
      .execute(async (tx) => {
        await prepareForCopy(client);
        await requireFreeDatabase(client, home);
        await load(options, { tx, client, draft, expectedBytes: manifest.digests.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
        const migrated = await migrateToNow(tx, folderOf(options));
        await letGo(tx);
        failpoint("restore.loaded");
        await requireWholeJournal(options, tx);
        const files = keyFilesOf(home, secretsKeyFile);
        undo = await place([
          ...Object.entries(files).flatMap(([name, path]) => (keys?.[name] === undefined ? [] : [fileStep(path, keys[name])])),
          fileStep(join(home.folder, "home.json"), `${JSON.stringify({ id: manifest.homeId })}\n`),
          ...(workspace === "free" && (await exists(draft)) ? [folderStep(draft, workspaceFolder)] : []),
        ]);
        failpoint("restore.placed");
        return migrated;
      });
  } catch (error) {
    await undo();
    throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

interface Site {
  readonly tx: Transaction;
  readonly client: pg.Client;
  readonly draft: string;
  readonly expectedBytes: number;
}

async function load(options: RestoreOptions, { tx, client, draft, expectedBytes }: Site): Promise<void> {
  const counts = new Map<string, number>();
  const tell = progressOf(options, expectedBytes);
  let putBackLater: readonly string[] = [];
  const manifest = await readBackup(options.file, {
    async head(head) {
      await migrateAsThen(tx, head, folderOf(options));
      putBackLater = await takeOff(tx);
      await rm(draft, { recursive: true, force: true });
      await mkdir(dirname(draft), { recursive: true });
    },
    async table(table, rows) {
      counts.set(tableKey(table), await loadTable({ tx, client }, table, tell(`table ${tableKey(table)}`, rows)));
    },
    workspace: (entry, bytes) => writeEntry(draft, entry, bytes),
  });
  await putBack(tx, putBackLater);
  await setSequences(tx, manifest);
  await requireSame(client, manifest, counts);
}

function progressOf({ onProgress }: RestoreOptions, expectedBytes: number): (part: string, pieces: AsyncIterable<Buffer>) => AsyncIterable<Buffer> {
  let doneBytes = 0;
  return async function* (part, pieces) {
    for await (const piece of pieces) {
      yield piece;
      doneBytes += piece.length;
      onProgress?.({ part, doneBytes, expectedBytes });
    }
  };
}

async function requireWholeJournal({ verifyJournal }: RestoreOptions, tx: Transaction): Promise<void> {
  const journal = await verifyJournal(tx);
  if (journal.kind === "broken") throw damaged(`its journal is broken at position ${journal.position}: ${journal.what}`);
}

function named(error: unknown): unknown {
  if (error instanceof LoopError) return error;
  if ((error as NodeJS.ErrnoException).code === "ENOSPC")
    return new LoopError("storage_full", "There is no room for what is in the backup. Free space and restore again; nothing was left behind.", {
      cause: error,
    });
  if (isConnectionLoss(error))
    return new LoopError("database_unavailable", "The database went away while the backup was restored. Nothing was left behind; restore again.", {
      cause: error,
    });
  return error;
}
