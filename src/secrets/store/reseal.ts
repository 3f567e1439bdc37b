import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { SealedRow } from "./sealed-row.ts";

/** Replaces the sealed form of these versions. Gives how many were in force still. */
export async function resealVersions(db: Transaction, rows: readonly SealedRow[]): Promise<number> {
  const result = await sql`
    update secrets s set key_id = n.key_id, nonce = n.nonce, ciphertext = n.ciphertext
    from unnest(${rows.map((row) => row.name)}::text[], ${rows.map((row) => row.version)}::int[], ${rows.map((row) => row.keyId)}::text[],
      ${rows.map((row) => row.nonce)}::bytea[], ${rows.map((row) => row.ciphertext)}::bytea[]) as n (name, version, key_id, nonce, ciphertext)
    where s.name = n.name and s.version = n.version and s.retired_at is null`.execute(db);
  return Number(result.numAffectedRows ?? 0);
}
