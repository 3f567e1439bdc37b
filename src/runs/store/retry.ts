import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";

/** Two who retry one run at once go one after the other. */
export async function lockRun(tx: Transaction, runId: string): Promise<void> {
  await sql`select id from runs where id = ${runId} for no key update`.execute(tx);
}

/** A run of the ticket that has not ended. */
export async function openRunOf(tx: Transaction, ticketId: string): Promise<RunId | undefined> {
  const { rows } = await sql<{ id: RunId }>`select id from runs where ticket_id = ${ticketId} and ended_at is null order by created_at, id limit 1`.execute(tx);
  return rows[0]?.id;
}
