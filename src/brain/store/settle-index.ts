import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Moves what was just written into the index proper, so that searches need not read it one by one. */
export async function settleIndex(tx: Transaction): Promise<void> {
  await sql`select gin_clean_pending_list('brain_items_words')`.execute(tx);
}
