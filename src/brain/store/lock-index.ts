import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** First statement of whoever changes vectors or counts of words; one at a time. */
export async function lockIndex(tx: Transaction): Promise<void> {
  await sql`select version from brain_index for update`.execute(tx);
}

/** The next version, under which what changes now becomes visible. Locks as `lockIndex` does. */
export async function nextVersion(tx: Transaction): Promise<number> {
  const { rows } = await sql<{ version: number }>`update brain_index set version = version + 1 returning version`.execute(tx);
  return rows[0]!.version;
}
