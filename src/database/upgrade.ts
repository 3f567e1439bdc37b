import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { backup, type BackupOptions } from "./backup.ts";
import { tryLock } from "./lock.ts";
import { type Migrated, migrate, MIGRATIONS_FOLDER, pendingMigrations } from "./migrate.ts";
import { type Db, openDatabase } from "./open.ts";

export interface UpgradeOptions extends Omit<BackupOptions, "out"> {
  readonly db: Db;
  /** Where the backup goes; made if need be. By custom `backups` in the home. */
  readonly backupFolder: string;
  /** Default: those of this program. */
  readonly migrationsFolder?: string;
}

export interface Upgraded {
  readonly ran: readonly string[];
  /** The way back. Undefined where nothing was to be done, or nothing could have been lost. */
  readonly backupFile: string | undefined;
}

/**
 * Backs up, then migrates, with no server at work. Ended anywhere, it can be called again: a backup that is whole stays.
 * @throws LoopError home_in_use while a server serves this home; what {@link backup} and {@link migrate} throw
 */
export async function upgrade(options: UpgradeOptions): Promise<Upgraded> {
  const { db, home, backupFolder, clock, migrationsFolder = MIGRATIONS_FOLDER } = options;
  const lock = await tryLock(options.url, `home.${home.id}`, options.log);
  if (!lock)
    throw new LoopError("home_in_use", `A server is at work on ${home.folder}. Stop it with \`loop down\`, then upgrade.`, { facts: { folder: home.folder } });
  try {
    const pending = await pendingMigrations(db, migrationsFolder);
    if (pending.names.length === 0 || pending.isNew) return { ...(await migrateAtLeisure(options, migrationsFolder)), backupFile: undefined };
    await mkdir(backupFolder, { recursive: true, mode: 0o700 });
    const backupFile = join(backupFolder, `before-upgrade-${new Date(clock.nowMs()).toISOString().replaceAll(/[:.]/g, "-")}.loopwright-backup`);
    await backup({ ...options, out: backupFile });
    const { ran } = await migrateAtLeisure(options, migrationsFolder);
    return { ran, backupFile };
  } finally {
    await lock.release();
  }
}

/** With no limit on how long a transaction takes: building an index over years of a record is longer than any that a server may run. */
async function migrateAtLeisure({ url, log }: UpgradeOptions, folder: string): Promise<Migrated> {
  const onIdleError = (error: Error): void => log.warn("an idle database connection broke", { error });
  const database = openDatabase({ url, poolSize: 1, prepare: false, transactionTimeoutMs: 0, onIdleError });
  try {
    return await migrate(database.db, folder);
  } finally {
    await database.close();
  }
}
