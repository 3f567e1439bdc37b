import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** The digest of every item that came from a file, by id. */
export async function readDigests(tx: Transaction): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; digest: string }>`select id, digest from brain_items where layer not in ('lesson', 'memory')`.execute(tx);
  return new Map(rows.map((row) => [row.id, row.digest]));
}
