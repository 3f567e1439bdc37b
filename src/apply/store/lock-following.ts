import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Processes that follow a revision at once do so one after the other, until the transaction ends: the second finds nothing left to change. */
export async function lockFollowing(tx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('loopwright.following', 0))`.execute(tx);
}
