import { type Kysely, sql } from "kysely";
import { LoopError } from "#src/kernel/errors.ts";

/** Where pg-boss keeps its tables, apart from ours. */
export const QUEUE_SCHEMA = "pgboss";

/** What the tables of pg-boss 12.35.0 are called in its own `version` table; the queue does not start on any other. */
export const QUEUE_SCHEMA_VERSION = 43;

type Connection = Kysely<Record<never, never>>;

/** Null: there are no tables of pg-boss. */
export async function queueSchemaVersion(db: Connection): Promise<number | null> {
  const { rows: tables } = await sql<{ found: boolean }>`select to_regclass('pgboss.version') is not null as found`.execute(db);
  if (!tables[0]!.found) return null;
  const { rows } = await sql<{ version: number }>`select version from pgboss.version`.execute(db);
  return rows[0]?.version ?? null;
}

/**
 * Brings the tables of pg-boss to the version of this program, in one transaction: that of the caller if there is one. The caller holds the lock of the
 * migrator. Gives what ran, as the names of migrations. @throws LoopError database_newer when a newer program migrated them
 */
export async function migrateQueue(db: Connection): Promise<readonly string[]> {
  const version = await queueSchemaVersion(db);
  if (version === QUEUE_SCHEMA_VERSION) return [];
  if (version !== null && version > QUEUE_SCHEMA_VERSION) throw newer(version);
  const script = withoutTransaction(await scriptFrom(version));
  const run = async (tx: Connection): Promise<void> => void (await sql.raw(script).execute(tx));
  await (db.isTransaction ? run(db) : db.transaction().execute(run));
  return [`queue_${String(QUEUE_SCHEMA_VERSION).padStart(4, "0")}`];
}

/** Loaded only here, since most processes that look find nothing to do. */
async function scriptFrom(version: number | null): Promise<string> {
  const { getConstructionPlans, getMigrationPlans } = await import("pg-boss");
  return version === null ? getConstructionPlans(QUEUE_SCHEMA, { createSchema: true }) : getMigrationPlans(QUEUE_SCHEMA, version);
}

/**
 * The script opens and commits a transaction of its own and then builds indexes concurrently: killed between the two it would never come back to the
 * indexes. The tables are small and nobody works while they are migrated, so all of it goes into one transaction, with plain index builds.
 */
function withoutTransaction(script: string): string {
  const found = /^\s*BEGIN;([^]*)\bCOMMIT;([^]*)$/.exec(script);
  if (!found) throw new Error("the script of pg-boss no longer has the shape that is expected here");
  const [, inside = "", after = ""] = found;
  return `${inside}\n${after.replaceAll(/\bINDEX CONCURRENTLY\b/g, "INDEX")}`;
}

const newer = (version: number): LoopError =>
  new LoopError(
    "database_newer",
    `The job queue of the database is of version ${version}; this Loopwright knows ${QUEUE_SCHEMA_VERSION}. Start the newer version, or restore the backup taken before the upgrade.`,
    { facts: { version, known: QUEUE_SCHEMA_VERSION } },
  );
