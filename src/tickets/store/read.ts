import { type RawBuilder, sql } from "kysely";
import { type Instant, msOf, msOrNull } from "#src/database/instant.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId, ThreadId, TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { Ticket, TicketStatus, Triage } from "../ticket.ts";

export interface TicketRow {
  readonly id: TicketId;
  readonly number: number;
  readonly alias: string | null;
  readonly status: TicketStatus;
  readonly title: string;
  readonly body: string;
  readonly language: string | null;
  readonly source: string;
  readonly sender: string;
  readonly sender_principal_id: PrincipalId | null;
  readonly trust: Trust;
  readonly thread_id: ThreadId | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly agent: string;
  readonly route_reason: string;
  readonly triage: Partial<Triage> | null;
  readonly assignee: string | null;
  readonly version: number;
  readonly created_at: Instant;
  readonly updated_at: Instant;
  readonly resolved_at: Instant | null;
  readonly resolution: Json | null;
}

/** By id or by number (`12` or `#12`). @throws LoopError ticket_unknown */
export async function requireTicket(db: Db | Transaction, idOrNumber: string): Promise<Ticket> {
  const number = /^#?(\d{1,15})$/.exec(idOrNumber)?.[1];
  const { rows } = await sql<TicketRow>`select * from tickets where id = ${idOrNumber} or number = ${number ?? null}::bigint`.execute(db);
  if (rows[0]) return toTicket(rows[0]);
  throw new LoopError("ticket_unknown", `There is no ticket ${idOrNumber.slice(0, 80)}. \`loop tickets\` lists those there are.`, {
    facts: { ticket: idOrNumber.slice(0, 80) },
  });
}

/** A member of a SELECT: the row of one ticket as JSON; null when there is none. */
export const ticketRowOf = (ticketId: RawBuilder<unknown>): RawBuilder<unknown> => sql`(select row_to_json(t) from tickets t where t.id = ${ticketId})`;

export interface TicketQuery {
  /** Empty: every status. */
  readonly statuses: readonly TicketStatus[];
  readonly labels: Readonly<Record<string, string>>;
  /** Only tickets older than this one. */
  readonly before?: { readonly id: string };
  readonly limit: number;
}

/** Newest first. */
export async function listTickets(db: Db | Transaction, query: TicketQuery): Promise<Ticket[]> {
  const { rows } = await sql<TicketRow>`
    select * from tickets
    where (cardinality(${query.statuses}::text[]) = 0 or status = any(${query.statuses}::text[]))
      and labels @> ${JSON.stringify(query.labels)}::jsonb
      and (${query.before?.id ?? null}::text is null or number < (select number from tickets where id = ${query.before?.id ?? null}))
    order by number desc limit ${query.limit}`.execute(db);
  return rows.map(toTicket);
}

export function toTicket(row: TicketRow): Ticket {
  return {
    id: row.id,
    number: row.number,
    alias: row.alias,
    status: row.status,
    title: row.title,
    body: row.body,
    language: row.language,
    source: row.source,
    sender: row.sender,
    senderPrincipalId: row.sender_principal_id,
    trust: row.trust,
    threadId: row.thread_id,
    labels: row.labels,
    agent: row.agent,
    routeReason: row.route_reason,
    triage: row.triage,
    assignee: row.assignee,
    version: row.version,
    createdAtMs: msOf(row.created_at),
    updatedAtMs: msOf(row.updated_at),
    resolvedAtMs: msOrNull(row.resolved_at),
    resolution: row.resolution,
  };
}
