import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Ids of the keys that open what is in force, each with the number of secrets. */
export async function keyIdsInForce(db: Db): Promise<readonly { readonly keyId: string; readonly secrets: number }[]> {
  const { rows } = await sql<{ keyId: string; secrets: number }>`
    select key_id as "keyId", count(*)::int as secrets from secrets where retired_at is null group by key_id order by key_id`.execute(db);
  return rows;
}
