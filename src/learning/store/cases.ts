import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** A resolved ticket as learning keeps it. */
export interface CaseRow {
  readonly ticketId: string;
  readonly runId: string;
  readonly lessonId: string | null;
  readonly pattern: string | null;
  readonly day: string;
  readonly reporter: string;
}

/** False when the ticket has its case already. */
export async function insertCase(tx: Transaction, row: CaseRow): Promise<boolean> {
  const { rows } = await sql<{ ticket_id: string }>`
    insert into resolved_cases (ticket_id, run_id, lesson_id, pattern, day, reporter, learned_at)
    values (${row.ticketId}, ${row.runId}, ${row.lessonId}, ${row.pattern}, ${row.day}, ${row.reporter}, loop_now())
    on conflict (ticket_id) do nothing returning ticket_id`.execute(tx);
  return rows.length === 1;
}

/** The cases of a pattern that nobody has decided on yet: those learned after the last proposal of this fingerprint was decided. Newest first. */
export async function undecidedCases(db: Db, { pattern, fingerprint, limit }: { pattern: string; fingerprint: string; limit: number }): Promise<CaseRow[]> {
  const { rows } = await sql<CaseRow>`
    select ticket_id as "ticketId", run_id as "runId", lesson_id as "lessonId", pattern, day, reporter
    from resolved_cases
    where pattern = ${pattern} and learned_at > coalesce((select max(decided_at) from proposals where fingerprint = ${fingerprint}), '-infinity')
    order by learned_at desc, ticket_id desc limit ${limit}`.execute(db);
  return rows;
}

export async function isConsidered(db: Db, ticketId: string): Promise<boolean> {
  const { rows } = await sql<{ one: number }>`select 1 as one from resolved_cases where ticket_id = ${ticketId} and considered_at is not null`.execute(db);
  return rows.length === 1;
}

/** Whether the ticket calls for a skill has been looked at. */
export async function markConsidered(tx: Transaction, ticketId: string): Promise<void> {
  await sql`update resolved_cases set considered_at = loop_now() where ticket_id = ${ticketId} and considered_at is null`.execute(tx);
}
