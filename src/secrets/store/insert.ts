import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { SealedRow } from "./sealed-row.ts";

/** Puts a version in force. The earlier one must be retired already. */
export async function insertVersion(db: Transaction, row: SealedRow): Promise<void> {
  await sql`
    insert into secrets (name, version, key_id, nonce, ciphertext)
    values (${row.name}, ${row.version}, ${row.keyId}, ${row.nonce}, ${row.ciphertext})`.execute(db);
}
