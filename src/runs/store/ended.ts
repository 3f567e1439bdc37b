import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Those of the runs that have ended. */
export async function endedAmong(db: Db, runIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select id from runs where id = any(${runIds}::text[]) and ended_at is not null`.execute(db);
  return rows.map((row) => row.id);
}
