import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Ends the version in force and erases its value. Gives its number, or null when there was none. */
export async function retireVersion(db: Transaction, name: string): Promise<number | null> {
  const { rows } = await sql<{ version: number }>`
    update secrets set retired_at = loop_now(), nonce = null, ciphertext = null
    where name = ${name} and retired_at is null returning version`.execute(db);
  return rows[0]?.version ?? null;
}
