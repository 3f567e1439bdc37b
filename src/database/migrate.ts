import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Db } from "./open.ts";
import { migrateQueue, QUEUE_SCHEMA_VERSION, queueSchemaVersion } from "./queue-schema.ts";

const LOCK = "hashtextextended('loopwright.migrate', 0)";
const LOCK_POLL_MS = 100;
const LOCK_WAIT_MS = 60_000;

/** The files of `migrations/`, in order. Those that are new to a database run in one transaction; none is edited once released. */
export const MIGRATIONS_FOLDER = join(import.meta.dirname, "..", "..", "migrations");

export interface Migrated {
  /** Names that ran now; empty when the database was up to date. */
  readonly ran: readonly string[];
  /** The tables are of an older program and were left as they are, because the caller wants to save them first. */
  readonly isOlder?: boolean;
}

export interface MigrateHow {
  /** Makes the tables of a new database, and leaves those of an older program alone. */
  readonly onlyNew?: boolean;
}

/**
 * Brings the database to the version of this program. Safe to call at once from many processes: one works, the others wait. Killed in the middle, the next call goes on.
 * @throws LoopError database_newer when the database was migrated by a newer program
 */
export async function migrate(db: Db, folder: string = MIGRATIONS_FOLDER, { onlyNew = false }: MigrateHow = {}): Promise<Migrated> {
  const migrations = await readMigrations(folder);
  return db.connection().execute(async (connection) => {
    await refuseNewer(connection, Object.keys(migrations));
    const pending = await pendingMigrations(connection, folder);
    if (pending.names.length === 0) return { ran: [] }; // a start need not wait for a backup, which holds the lock
    if (onlyNew && !pending.isNew) return { ran: [], isOlder: true };
    await lock(connection);
    failpoint("migrate.locked");
    try {
      await refuseNewer(connection, Object.keys(migrations));
      const migrator = new Migrator({ db: connection, provider: { getMigrations: () => Promise.resolve(migrations) } });
      const { error, results } = await migrator.migrateToLatest();
      if (error) throw error instanceof Error ? error : new Error("a migration failed", { cause: error });
      failpoint("migrate.tables_done");
      const queue = await migrateQueue(connection);
      failpoint("migrate.queue_done");
      return { ran: [...(results ?? []).map((result) => result.migrationName), ...queue] };
    } finally {
      await sql`select pg_advisory_unlock(${sql.raw(LOCK)})`.execute(connection);
    }
  });
}

export interface Pending {
  /** Names of migrations that this program has and the database has not, in order. */
  readonly names: readonly string[];
  /** There is nothing in the database yet, so nothing that a backup could save. */
  readonly isNew: boolean;
}

/** What {@link migrate} would do. */
export async function pendingMigrations(db: Kysely<Record<never, never>>, folder: string = MIGRATIONS_FOLDER): Promise<Pending> {
  const known = Object.keys(await readMigrations(folder));
  const { rows: tables } = await sql<{ found: boolean }>`select to_regclass('kysely_migration') is not null as found`.execute(db);
  if (!tables[0]!.found) return { names: known, isNew: true };
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  const ran = new Set(rows.map((row) => row.name));
  const queue = (await queueSchemaVersion(db)) === QUEUE_SCHEMA_VERSION ? [] : ["queue"];
  return { names: [...known.filter((name) => !ran.has(name)), ...queue], isNew: ran.size === 0 };
}

/** Session lock, polled: a blocking wait would hold a snapshot that `create index concurrently` of the holder waits for. */
async function lock(connection: Kysely<Record<never, never>>): Promise<void> {
  for (let waitedMs = 0; waitedMs < LOCK_WAIT_MS; waitedMs += LOCK_POLL_MS) {
    const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${sql.raw(LOCK)}) as locked`.execute(connection);
    if (rows[0]!.locked) return;
    await sleep(LOCK_POLL_MS);
  }
  throw new LoopError("database_unavailable", "Another process has been migrating this database for a minute. Wait for it, or end it, and start again.");
}

/** By name, in order. */
export async function readMigrations(folder: string): Promise<Record<string, Migration>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  const entries = names.map(async (name): Promise<[string, Migration]> => {
    const text = await readFile(join(folder, name), "utf8");
    return [name.slice(0, -".sql".length), { up: (db: Kysely<unknown>) => runText(db, text, name) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function runText(db: Kysely<unknown>, text: string, name: string): Promise<void> {
  failpoint(`migrate.${name}.before`);
  await sql.raw(text).execute(db);
  failpoint(`migrate.${name}.after`);
}

async function refuseNewer(connection: Kysely<Record<never, never>>, known: readonly string[]): Promise<void> {
  const { rows: tables } = await sql<{ found: boolean }>`select to_regclass('kysely_migration') is not null as found`.execute(connection);
  if (!tables[0]!.found) return;
  const { rows } = await sql<{ name: string }>`select name from kysely_migration where name <> all(${known}) order by name`.execute(connection);
  if (rows.length === 0) return;
  throw new LoopError(
    "database_newer",
    `The database was migrated by a newer Loopwright (${rows[0]!.name}). Start that version, or restore the backup taken before the upgrade.`,
    {
      facts: { unknown: rows.length },
    },
  );
}
