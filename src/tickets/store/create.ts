import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { Ticket } from "../ticket.ts";

export type NewTicket = Pick<
  Ticket,
  "id" | "title" | "body" | "language" | "source" | "sender" | "senderPrincipalId" | "trust" | "threadId" | "labels" | "agent" | "routeReason"
> & { readonly alias?: string };

export async function insertTicket(tx: Transaction, ticket: NewTicket): Promise<void> {
  await sql`
    insert into tickets (id, alias, status, title, body, language, source, sender, sender_principal_id, trust, thread_id, labels, agent, route_reason, created_at, updated_at)
    values (${ticket.id}, ${ticket.alias ?? null}, 'new', ${ticket.title}, ${ticket.body}, ${ticket.language}, ${ticket.source}, ${ticket.sender}, ${ticket.senderPrincipalId},
            ${ticket.trust}, ${ticket.threadId}, ${JSON.stringify(ticket.labels)}::jsonb, ${ticket.agent}, ${ticket.routeReason}, loop_now(), loop_now())`.execute(
    tx,
  );
}
