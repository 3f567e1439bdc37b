import { type RawBuilder, sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";

export interface ReceiptRow {
  readonly runId: string;
  readonly ticketId: string | null;
  /** SHA-256 of the canonical pack: the subject of the receipt. */
  readonly digest: string;
  readonly pack: Json;
  /** The DSSE envelope, byte for byte. */
  readonly envelope: string;
}

/** A member of a WITH clause, `new_receipt`; written where `when` holds, which must be constant text. */
export function receiptFragment(row: ReceiptRow, when: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    new_receipt as (
      insert into receipts (run_id, ticket_id, digest, pack, envelope)
      select ${row.runId}, ${row.ticketId}, ${row.digest}, ${JSON.stringify(row.pack)}::jsonb, ${row.envelope} where ${when}
    )`;
}

/** Of a run, or the newest of a ticket; undefined: none was signed yet. */
export async function findReceipt(db: Db, runOrTicketId: string): Promise<(ReceiptRow & { readonly atMs: number }) | undefined> {
  const { rows } = await sql<{ run_id: string; ticket_id: string | null; digest: string; pack: Json; envelope: string; at: Date }>`
    select * from receipts where run_id = ${runOrTicketId} or ticket_id = ${runOrTicketId} order by at desc limit 1`.execute(db);
  const row = rows[0];
  return row && { runId: row.run_id, ticketId: row.ticket_id, digest: row.digest, pack: row.pack, envelope: row.envelope, atMs: row.at.getTime() };
}
