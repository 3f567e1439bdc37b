import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { SealedRow } from "./sealed-row.ts";

/** The version in force of this name, or null. */
export async function versionInForce(db: Db, name: string): Promise<SealedRow | null> {
  const { rows } = await sql<SealedRow>`
    select name, version, key_id as "keyId", nonce, ciphertext from secrets where name = ${name} and retired_at is null`.execute(db);
  return rows[0] ?? null;
}

/** Every version in force, by name. */
export async function versionsInForce(db: Db): Promise<readonly SealedRow[]> {
  const { rows } = await sql<SealedRow>`
    select name, version, key_id as "keyId", nonce, ciphertext from secrets where retired_at is null order by name`.execute(db);
  return rows;
}
