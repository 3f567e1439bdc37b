import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Home } from "./home.ts";
import { firstContact, firstTables } from "./first-contact.ts";
import { type DatabaseTrouble, guardRecord, lockName } from "./guard.ts";
import { launchPostgres } from "./launch.ts";
import { type HeldLock, tryLock } from "./lock.ts";
import type { BackupOptions, BackupProgress } from "./backup.ts";
import { migrate, MIGRATIONS_FOLDER } from "./migrate.ts";
import { type Database, openDatabase, requireVersion } from "./open.ts";

export interface RecordOptions {
  readonly home: Home;
  readonly log: Log;
  /** Undefined: the home's own Postgres. */
  readonly databaseUrl: string | undefined;
  readonly prepare: boolean;
  /** A process that serves a home keeps every other one out of it; workers beside it do not. */
  readonly exclusive: boolean;
  /** How tables of an older program are saved before they are changed; undefined: they are changed as they stand. */
  readonly saves?: SavesFirst | undefined;
  /** Another server took the home while the database was away: this one must stop. */
  readonly onTaken: () => void;
}

export interface SavesFirst extends Pick<BackupOptions, "workspaceFolder" | "secretsKeyFile" | "version" | "clock"> {
  /** Sentences for whoever waits for the start. */
  readonly say: (sentence: string) => void;
}

/** The record, ready: Postgres up, this home ours, tables as this program knows them. */
export interface OpenRecord extends Database {
  /** What keeps this process from the database, as far as it knows. */
  trouble(): DatabaseTrouble | undefined;
  readonly migrated: readonly string[];
}

const POOL_SIZE = 10;
const TRANSACTION_TIMEOUT_MS = 30_000;

/** @throws LoopError home_in_use when another server serves this home; what launching, opening and migrating throw */
export async function openRecord({ home, log, databaseUrl, prepare, exclusive, saves, onTaken }: RecordOptions): Promise<OpenRecord> {
  const postgres = databaseUrl === undefined ? await launchPostgres({ folder: home.postgres, log }) : undefined;
  const url = databaseUrl ?? postgres!.url;
  const place = { url, isOwn: postgres !== undefined };
  const lock = exclusive ? await firstContact(place, () => lockHome({ url, home, log })) : undefined;
  const database = openDatabase({
    url,
    poolSize: POOL_SIZE,
    prepare,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    onIdleError: (error) => log.warn("an idle database connection broke", { error }),
  });
  const guard = guardRecord({ home, database, log, postgres, lock, onTaken });
  try {
    await firstContact(place, () => requireVersion(database.db));
    const made = await firstTables(place, () => migrate(database.db, MIGRATIONS_FOLDER, { onlyNew: saves !== undefined }));
    const ran = saves && made.isOlder ? await saveAndMigrate({ home, log, saves, database, holdsHome: exclusive }) : made.ran;
    if (ran.length > 0) log.info("the database was migrated", { ran });
    const close = async (): Promise<void> => {
      await database.close();
      await guard.stop();
    };
    return { ...database, close, trouble: guard.trouble, migrated: ran };
  } catch (error) {
    await database.close();
    await guard.stop();
    throw error;
  }
}

interface OlderRecord {
  readonly home: Home;
  readonly log: Log;
  readonly saves: SavesFirst;
  readonly database: Database;
  readonly holdsHome: boolean;
}

const SAY_EVERY_BYTES = 100_000_000;

/** Rare, so that an ordinary start loads none of it. */
async function saveAndMigrate({ home, log, saves, database, holdsHome }: OlderRecord): Promise<readonly string[]> {
  const { say, ...places } = saves;
  const { db, url } = database;
  say("The tables are those of an older version: the whole home is backed up first, then they are brought up to this one.");
  const { upgradeAtStart } = await import("./upgrade.ts");
  let saidMb = 0;
  const onProgress = ({ doneBytes }: BackupProgress): void => {
    const doneMb = Math.floor(doneBytes / SAY_EVERY_BYTES) * (SAY_EVERY_BYTES / 1_000_000);
    if (doneMb > saidMb) say(`${(saidMb = doneMb)} MB are backed up`);
  };
  const { ran, backupFile } = await upgradeAtStart({ ...places, db, url, home, log, backupFolder: backupsOf(home), holdsHome, onProgress });
  if (backupFile !== undefined) {
    log.info("the home was backed up before its tables were changed", { backupFile });
    say(`Backed up: ${backupFile}. The way back is in docs/upgrade.md.`);
  }
  return ran;
}

async function lockHome({ url, home, log }: { url: string; home: Home; log: Log }): Promise<HeldLock> {
  const lock = await tryLock(url, lockName(home), log);
  if (lock) return lock;
  throw new LoopError(
    "home_in_use",
    `A Loopwright server already serves ${home.folder}. Use it (\`loop status\`), stop it (\`loop down\`), or set LOOP_HOME to another folder.`,
    {
      facts: { folder: home.folder },
    },
  );
}

/** Where backups go that nobody named a place for. */
export const backupsOf = (home: Home): string => join(home.folder, "backups");

export const ballastOf = (home: Home): string => join(home.folder, "ballast");
