import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** Runs that hold an allotment, or have returned one while calls were still out; by id, after the given one. A sweep returns those whose run has ended. */
export async function openAllotments(db: Db | Transaction, afterRunId: string, limit: number): Promise<string[]> {
  const { rows } = await sql<{ run_id: string }>`
    select run_id from allotments where not closed and run_id > ${afterRunId} order by run_id limit ${limit}::int`.execute(db);
  return rows.map((row) => row.run_id);
}

/** After budgets have changed: every run asks again before its next call, under the budgets of then. Calls that are out are not touched. */
export async function refreshAllotments(db: Db | Transaction): Promise<void> {
  await sql`update allotments set valid_until = loop_now() where not closed and (valid_until is null or valid_until > loop_now())`.execute(db);
}
