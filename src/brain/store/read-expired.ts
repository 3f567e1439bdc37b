import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Ids of lessons whose time is over, a thousand at most. */
export async function readExpired(tx: Transaction): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from brain_items where expires_at <= loop_now() and layer = 'lesson' order by expires_at, id limit 1000`.execute(tx);
  return rows.map((row) => row.id);
}
