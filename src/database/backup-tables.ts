import pg from "pg";
import type { BackupFacts, BackupTable, Sequence } from "./backup-format.ts";
import { queueSchemaVersion } from "./queue-schema.ts";
import { borrowedDb, quote } from "./backup-connection.ts";

/** Tables of the migrator: which migrations ran stands in the head, and a restore runs them. */
const NOT_COPIED = ["kysely_migration", "kysely_migration_lock"];

/**
 * Of the job queue: what is still to be done, what failed for good, and what is scheduled. Done jobs and statistics are left behind. In an order in which
 * they can be put back.
 */
const QUEUE_TABLES = { queue: "true", schedule: "true", job: "t.state < 'completed'" } as const;

export interface Contents {
  readonly migrations: readonly string[];
  readonly queueVersion: number | null;
  readonly tables: readonly BackupTable[];
  readonly sequences: readonly Sequence[];
  readonly facts: BackupFacts;
  /** On disk, for a sense of progress. */
  readonly sizeBytes: number;
}

/** What the database of this connection holds, as of its snapshot. Unlogged tables are left out: losing them loses nothing. */
export async function readContents(client: pg.Client): Promise<Contents> {
  const { rows: ran } = await client.query<{ name: string }>("select name from kysely_migration order by name");
  const { rows: size } = await client.query<{ bytes: string }>("select pg_database_size(current_database())::text as bytes");
  const queueVersion = await queueSchemaVersion(borrowedDb(client));
  const own = await tablesOf(client, "public");
  const ofQueue = queueVersion === null ? [] : await tablesOf(client, "pgboss");
  const kept = Object.keys(QUEUE_TABLES).flatMap((name) => ofQueue.filter((table) => table.name === name));
  return {
    migrations: ran.map((row) => row.name),
    queueVersion,
    tables: [...own.filter((table) => !NOT_COPIED.includes(table.name)), ...kept],
    sequences: await readSequences(client),
    facts: await readFacts(client),
    sizeBytes: Number(size[0]!.bytes),
  };
}

async function tablesOf(client: pg.Client, schema: BackupTable["schema"]): Promise<BackupTable[]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and c.relpersistence = 'p' and not c.relispartition
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     group by c.relname order by c.relname`,
    [schema],
  );
  return rows.map(({ name, columns }) => ({ schema, name, columns, rows: schema === "public" ? "columns" : "json" }));
}

/** Identity columns. Read outside the snapshot, as sequences always are: a number may be skipped after a restore, never given twice. */
async function readSequences(client: pg.Client): Promise<Sequence[]> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select c.relname as table, a.attname as column, pg_get_serial_sequence(format('%I.%I', 'public', c.relname), a.attname) as sequence
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = to_regnamespace('public') and c.relkind = 'r' and a.attidentity <> '' and not a.attisdropped order by 1, 2`,
  );
  const read = async ({ table, column, sequence }: (typeof rows)[number]): Promise<Sequence> => {
    const { rows: values } = await client.query<Pick<Sequence, "lastValue" | "isCalled">>(
      `select last_value::text as "lastValue", is_called as "isCalled" from ${sequence}`,
    );
    return { table, column, ...values[0]! };
  };
  const sequences: Sequence[] = [];
  for (const row of rows) sequences.push(await read(row));
  return sequences;
}

export async function readFacts(client: pg.Client): Promise<BackupFacts> {
  const { rows } = await client.query<BackupFacts>(
    `select j.position::text as "journalPosition", encode(j.hash, 'hex') as "journalHash",
            (select count(*)::text from runs) as runs, (select count(*)::text from receipts) as receipts,
            l.entries::text as "ledgerRows", l.cost::text as "ledgerCostNanos", l.reserved::text as "ledgerReservedNanos"
     from journal_head j, (select count(*) as entries, coalesce(sum(cost_nanos), 0) as cost, coalesce(sum(reserved_nanos), 0) as reserved from ledger) l`,
  );
  return rows[0]!;
}

export function copyOutText({ schema, name, columns, rows }: BackupTable): string {
  const table = `${quote(schema)}.${quote(name)}`;
  if (rows === "columns") return `copy ${table} (${columns.map(quote).join(", ")}) to stdout`;
  return `copy (select to_jsonb(t) from ${table} t where ${QUEUE_TABLES[name as keyof typeof QUEUE_TABLES]}) to stdout`;
}
