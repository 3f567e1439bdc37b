import { sql } from "kysely";
import type pg from "pg";
import { quote } from "./backup-connection.ts";
import { copyIn } from "./backup-copy.ts";
import { type BackupFacts, type BackupManifest, type BackupTable, tableKey } from "./backup-format.ts";
import { damaged } from "./backup-tar.ts";
import { readFacts } from "./backup-tables.ts";
import type { Transaction } from "./open.ts";

/** The connection of the transaction, once as Kysely knows it and once as COPY needs it. */
export interface Loading {
  readonly tx: Transaction;
  readonly client: pg.Client;
}

/** Gives the number of rows. @throws LoopError backup_invalid when there is no such table or column */
export async function loadTable({ tx, client }: Loading, table: BackupTable, rows: AsyncIterable<Buffer>): Promise<number> {
  const known = new Set(await columnsOf(tx, table));
  if (known.size === 0) throw damaged(`it has a table ${tableKey(table)}, which its migrations do not make`);
  if (table.rows === "json") return loadJson({ tx, client }, { ...table, columns: table.columns.filter((column) => known.has(column)) }, rows);
  const foreign = table.columns.find((column) => !known.has(column));
  if (foreign !== undefined) throw damaged(`its table ${tableKey(table)} has a column ${foreign}, which its migrations do not make`);
  await sql.raw(`truncate ${nameOf(table)}`).execute(tx); // rows that a migration put there are in the backup too
  return copyIn(client, `copy ${nameOf(table)} (${table.columns.map(quote).join(", ")}) from stdin (freeze)`, rows);
}

async function columnsOf(tx: Transaction, { schema, name }: BackupTable): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = to_regnamespace(${schema}) and c.relname = ${name} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''`.execute(
    tx,
  );
  return rows.map((row) => row.name);
}

/** Columns that have come since get their default; columns that have gone are left behind. */
async function loadJson({ tx, client }: Loading, table: BackupTable, rows: AsyncIterable<Buffer>): Promise<number> {
  await sql`create temp table restored_rows (row jsonb) on commit drop`.execute(tx);
  const count = await copyIn(client, "copy restored_rows from stdin", rows);
  const columns = table.columns.map(quote);
  const into = nameOf(table);
  await sql
    .raw(
      `insert into ${into} (${columns.join(", ")})
       select ${columns.map((column) => `r.${column}`).join(", ")} from restored_rows, jsonb_populate_record(null::${into}, row) r on conflict do nothing`,
    )
    .execute(tx);
  await sql`drop table restored_rows`.execute(tx);
  return count;
}

const nameOf = ({ schema, name }: BackupTable): string => `${quote(schema)}.${quote(name)}`;

/** Numbers that were given are not given again. */
export async function setSequences(tx: Transaction, { sequences }: BackupManifest): Promise<void> {
  for (const { table, column, lastValue, isCalled } of sequences) {
    await sql`select setval(pg_get_serial_sequence(${`public.${quote(table)}`}, ${column}), ${lastValue}::bigint, ${isCalled})`.execute(tx);
  }
}

/** Whoever held a run or a job does not hold this copy of it: runs are due at once, jobs are tried again. */
export async function letGo(tx: Transaction): Promise<void> {
  await sql`update runs set holder = null, fence = fence + 1, due = loop_now() where holder is not null`.execute(tx);
  await sql`update pgboss.job set state = 'retry', start_after = pgboss.job_now(), heartbeat_on = null where state = 'active'`.execute(tx);
}

/** @throws LoopError backup_invalid naming the first difference */
export async function requireSame(client: pg.Client, manifest: BackupManifest, counts: ReadonlyMap<string, number>): Promise<void> {
  for (const { table, rows } of manifest.digests) {
    if (counts.get(table) !== rows) throw damaged(`it has ${rows} rows of ${table}, and ${counts.get(table) ?? "none"} arrived`);
  }
  const facts = await readFacts(client);
  const differing = (Object.keys(facts) as (keyof BackupFacts)[]).find((name) => facts[name] !== manifest.facts[name]);
  if (differing !== undefined) throw damaged(`its ${differing} should be ${manifest.facts[differing]} and is ${facts[differing]}`);
}
