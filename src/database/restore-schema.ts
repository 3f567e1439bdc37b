import { sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { LoopError } from "#src/kernel/errors.ts";
import type { BackupHead } from "./backup-format.ts";
import { readMigrations } from "./migrate.ts";
import type { Transaction } from "./open.ts";
import { migrateQueue, QUEUE_SCHEMA_VERSION } from "./queue-schema.ts";

/** @throws LoopError backup_newer when this program does not know all that ran in the database of the backup */
export async function requireKnown({ migrations, queueVersion, version }: BackupHead, folder: string): Promise<void> {
  const known = Object.keys(await readMigrations(folder));
  const foreign =
    migrations.find((name, index) => known[index] !== name) ?? ((queueVersion ?? 0) > QUEUE_SCHEMA_VERSION ? `job queue ${queueVersion}` : undefined);
  if (foreign === undefined) return;
  throw new LoopError(
    "backup_newer",
    `The backup was made by Loopwright ${version} and has ${foreign}, which this version does not know. Restore it with that version or a newer one. Nothing was restored.`,
    { facts: { version, foreign } },
  );
}

/** The tables as they were when the backup was made. */
export async function migrateAsThen(tx: Transaction, head: BackupHead, folder: string): Promise<void> {
  const all = Object.entries(await readMigrations(folder));
  await migrateTo(tx, Object.fromEntries(all.slice(0, head.migrations.length)));
  await migrateQueue(tx);
}

/** What has been added since. Gives the names. */
export async function migrateToNow(tx: Transaction, folder: string): Promise<readonly string[]> {
  return migrateTo(tx, await readMigrations(folder));
}

async function migrateTo(tx: Transaction, migrations: Record<string, Migration>): Promise<readonly string[]> {
  const { error, results = [] } = await new Migrator({ db: tx, provider: { getMigrations: () => Promise.resolve(migrations) } }).migrateToLatest();
  if (error) throw error instanceof Error ? error : new Error("a migration failed", { cause: error });
  return results.map((result) => result.migrationName);
}

/** Definitions that were taken off the tables, as statements that put them back. */
export type TakenOff = readonly string[];

interface Definition {
  readonly take_off: string;
  readonly put_back: string;
}

/**
 * Takes off what makes loading slow or would ask for an order of tables: foreign keys, and indexes that are no constraint. Put back, they are built in one go
 * and check every row.
 */
export async function takeOff(tx: Transaction): Promise<TakenOff> {
  const { rows } = await sql<Definition>`
    select format('alter table %s drop constraint %I', conrelid::regclass, conname) as take_off,
           format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as put_back
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace
    union all
    select format('drop index %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and not exists (select from pg_constraint where conindid = i.indexrelid)`.execute(tx);
  for (const { take_off } of rows) await sql.raw(take_off).execute(tx);
  return rows.map((row) => row.put_back).toReversed(); // indexes first: a foreign key is checked by one
}

export async function putBack(tx: Transaction, statements: TakenOff): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(tx);
}
