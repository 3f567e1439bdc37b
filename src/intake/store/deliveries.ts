import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";

export interface Delivery {
  readonly provider: string;
  readonly externalId: string;
  readonly bodyDigest: string;
  readonly ticketId: TicketId;
  readonly provenance: Json;
}

/** False when a delivery of this provider and id was recorded before; the transaction should then be undone. */
export async function insertDelivery(tx: Transaction, delivery: Delivery): Promise<boolean> {
  const { rows } = await sql`
    insert into deliveries (provider, external_id, body_digest, ticket_id, provenance)
    values (${delivery.provider}, ${delivery.externalId}, ${delivery.bodyDigest}, ${delivery.ticketId}, ${JSON.stringify(delivery.provenance)}::jsonb)
    on conflict (provider, external_id) do nothing returning 1`.execute(tx);
  return rows.length === 1;
}

export interface KnownDelivery {
  readonly ticketId: TicketId;
  readonly number: number;
  readonly runId: RunId;
  readonly bodyDigest: string;
}

export async function findDelivery(db: Db, provider: string, externalId: string): Promise<KnownDelivery | undefined> {
  const { rows } = await sql<{ ticket_id: TicketId; number: number; run_id: RunId; body_digest: string }>`
    select d.ticket_id, t.number, d.body_digest, (select id from runs r where r.ticket_id = d.ticket_id order by r.created_at, r.id limit 1) as run_id
    from deliveries d join tickets t on t.id = d.ticket_id
    where d.provider = ${provider} and d.external_id = ${externalId}`.execute(db);
  const row = rows[0];
  return row && { ticketId: row.ticket_id, number: row.number, runId: row.run_id, bodyDigest: row.body_digest };
}

/** Another body under a known id: refused, and counted. */
export async function countRefusal(tx: Transaction, provider: string, externalId: string): Promise<void> {
  await sql`update deliveries set refused_count = refused_count + 1 where provider = ${provider} and external_id = ${externalId}`.execute(tx);
}
