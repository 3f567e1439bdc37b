import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Until the end of the transaction nobody else writes secrets or changes the file of keys of this database. */
export async function lockSecrets(db: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('loopwright.secrets', 0))`.execute(db);
}
