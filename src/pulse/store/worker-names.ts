import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";

/** The name that the worker of this run was given; undefined: the run is no worker's. */
export async function workerNameOf(db: Db | Transaction, runId: RunId): Promise<string | undefined> {
  const { rows } = await sql<{ alias: string | null }>`
    select t.alias from runs r join tickets t on t.id = r.ticket_id where r.id = ${runId}`.execute(db);
  return rows[0]?.alias ?? undefined;
}
