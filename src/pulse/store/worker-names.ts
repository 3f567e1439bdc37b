import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";

/** How a worker goes whose ticket nobody gave a name. */
export const UNNAMED = sql`'ticket-' || t.number`;

/** Tickets of this name, in a condition on `t`. */
export function isNamed(name: string): RawBuilder<boolean> {
  const number = /^ticket-(\d{1,15})$/.exec(name)?.[1] ?? null;
  return sql<boolean>`(t.alias = ${name} or (t.alias is null and t.number = ${number}::bigint))`;
}

/** The name that the worker of this run was given; undefined: the run is no worker's. */
export async function workerNameOf(db: Db | Transaction, runId: RunId): Promise<string | undefined> {
  const { rows } = await sql<{ alias: string | null }>`
    select coalesce(t.alias, ${UNNAMED}) as alias from runs r join tickets t on t.id = r.ticket_id where r.id = ${runId}`.execute(db);
  return rows[0]?.alias ?? undefined;
}
