import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { TicketId } from "#src/kernel/ids.ts";
import { statesBefore, type TicketStatus, type Triage } from "../ticket.ts";

export interface TicketChange {
  readonly status?: TicketStatus;
  /** Merged over what is there. */
  readonly triage?: Partial<Triage>;
  readonly assignee?: string;
  readonly language?: string;
  readonly resolution?: Json;
}

/** Changes the ticket if its present status allows the move; false when it does not (it is closed, say). Staying in a status is allowed while it is open. */
export async function moveTicket(tx: Db | Transaction, ticketId: TicketId, change: TicketChange): Promise<boolean> {
  const status = change.status ?? null;
  const from = change.status === undefined ? [] : [...statesBefore(change.status), change.status];
  const { rows } = await sql<{ id: string }>`
    update tickets set
      status = coalesce(${status}, status),
      triage = case when ${change.triage === undefined} then triage else coalesce(triage, '{}') || ${JSON.stringify(change.triage ?? {})}::jsonb end,
      assignee = coalesce(${change.assignee ?? null}, assignee),
      language = coalesce(${change.language ?? null}, language),
      labels = case when ${change.triage?.category ?? null}::text is null then labels else labels || jsonb_build_object('category', ${change.triage?.category ?? null}::text) end,
      resolution = case when ${change.resolution === undefined} then resolution else ${JSON.stringify(change.resolution ?? null)}::jsonb end,
      resolved_at = case when ${status} = 'resolved' then loop_now() else resolved_at end,
      version = version + 1, updated_at = loop_now()
    where id = ${ticketId} and (${status}::text is null or status = any(${from}::text[])) and status not in ('resolved', 'cancelled')
    returning id`.execute(tx);
  return rows.length === 1;
}
