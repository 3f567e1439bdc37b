import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Calls of holders with ids of this prefix that were reserved so long ago that whoever made them is gone; no older than two days. */
export async function leftoverCalls(db: Db, { prefix, olderThanMs, limit }: { prefix: string; olderThanMs: number; limit: number }): Promise<string[]> {
  const { rows } = await sql<{ act_id: string }>`
    select act_id from ledger
    where state = 'reserved' and at < loop_now() - ${olderThanMs}::float8 * interval '1 millisecond' and at > loop_now() - interval '2 days'
      and starts_with(run_id, ${prefix})
    order by act_id limit ${limit}::int`.execute(db);
  return rows.map((row) => row.act_id);
}

/** Open allotments whose holder's id lies between the two, first one included. */
export async function openAllotmentsBetween(db: Db, from: string, to: string): Promise<string[]> {
  const { rows } = await sql<{ run_id: string }>`
    select run_id from allotments where not closed and run_id >= ${from} and run_id < ${to} order by run_id limit 500`.execute(db);
  return rows.map((row) => row.run_id);
}
