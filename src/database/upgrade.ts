import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { backup, type BackupOptions } from "./backup.ts";
import { lockName } from "./guard.ts";
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
  const { home } = options;
  const lock = await tryLock(options.url, lockName(home), options.log);
  if (!lock)
    throw new LoopError("home_in_use", `A server is at work on ${home.folder}. Stop it with \`loop down\`, then upgrade.`, { facts: { folder: home.folder } });
  try {
    return await backUpAndMigrate(options);
  } finally {
    await lock.release();
  }
}

const POLL_MS = 200;
const WAIT_MS = 60_000;

/**
 * What a start does on tables of an older program: the same. `holdsHome`: the lock of the home is held already, so nobody else is at work. Otherwise a server
 * that is just upgrading is waited for, a minute at most. @throws LoopError home_in_use beside an older server
 */
export async function upgradeAtStart(options: UpgradeOptions & { readonly holdsHome: boolean; readonly waitMs?: number }): Promise<Upgraded> {
  if (options.holdsHome) return backUpAndMigrate(options);
  const { db, home, migrationsFolder = MIGRATIONS_FOLDER, waitMs = WAIT_MS } = options;
  for (let waitedMs = 0; waitedMs <= waitMs; waitedMs += POLL_MS) {
    const lock = await tryLock(options.url, lockName(home), options.log);
    if (lock) {
      try {
        return await backUpAndMigrate(options);
      } finally {
        await lock.release();
      }
    }
    if ((await pendingMigrations(db, migrationsFolder)).names.length === 0) return { ran: [], backupFile: undefined };
    await sleep(POLL_MS);
  }
  throw new LoopError(
    "home_in_use",
    `A server is at work on ${home.folder} with tables that are older than this program. Stop it with \`loop down\`, then start the new one.`,
    { facts: { folder: home.folder } },
  );
}

async function backUpAndMigrate(options: UpgradeOptions): Promise<Upgraded> {
  const { db, backupFolder, clock, migrationsFolder = MIGRATIONS_FOLDER } = options;
  const pending = await pendingMigrations(db, migrationsFolder);
  if (pending.names.length === 0 || pending.isNew) return { ...(await migrateAtLeisure(options, migrationsFolder)), backupFile: undefined };
  await mkdir(backupFolder, { recursive: true, mode: 0o700 });
  const backupFile = join(backupFolder, `before-upgrade-${new Date(clock.nowMs()).toISOString().replaceAll(/[:.]/g, "-")}.loopwright-backup`);
  await backup({ ...options, out: backupFile });
  failpoint("upgrade.backed_up");
  const { ran } = await migrateAtLeisure(options, migrationsFolder);
  return { ran, backupFile };
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
