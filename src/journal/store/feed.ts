import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";

export interface FeedEvent {
  /** The cursor: gapless, never changes, never reused. */
  readonly position: number;
  readonly kind: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly actor: string;
  readonly runId: string | null;
  readonly ticketId: string | null;
  /** Absent when there was none, and when it was erased. */
  readonly payload?: Json;
  readonly erased?: true;
}

export interface FeedQuery {
  /** The last position that the reader has; 0 from the beginning. */
  readonly after: number;
  readonly limit: number;
  readonly filter?: FeedFilter;
}

/** All that are given must match. With a run of a ticket give the ticket too: it finds the run's events by index, the run alone by reading on from `after`. */
export interface FeedFilter {
  readonly ticketId?: string;
  readonly runId?: string;
  readonly kinds?: readonly string[];
}

interface Row {
  readonly position: number;
  readonly kind: string;
  readonly at: Date;
  readonly actor: string;
  readonly run_id: string | null;
  readonly ticket_id: string | null;
  readonly body: string | null;
  readonly erased: boolean;
}

/**
 * Sealed events after a position, in order. Fewer than `limit`: there are no more now, and a reader with a filter may go on from a `lastPosition` that it
 * asked for before; from the last match it would look through the same events again and again.
 */
export async function readFeed(db: Db | Transaction, { after, limit, filter = {} }: FeedQuery): Promise<FeedEvent[]> {
  const { rows } = await sql<Row>`
    with page as materialized (${pageOf(filter, after, limit)})
    select e.position, e.kind, e.at, e.actor, e.run_id, e.ticket_id, p.body, p.erased_at is not null as erased
    from page e left join lateral (select * from payloads where event_id = e.id offset 0) p on true
    order by e.position`.execute(db);
  return rows.map(toFeedEvent);
}

/** The last position given: where a reader starts who wants only what comes. */
export async function lastPosition(db: Db | Transaction): Promise<number> {
  const { rows } = await sql<{ position: number }>`select position from journal_head`.execute(db);
  return rows[0]!.position;
}

/** One text for each set of filters, so that each gets a plan of its own; a ticket's events are few and are sorted rather than searched for along the whole journal. */
function pageOf({ ticketId, runId, kinds }: FeedFilter, after: number, limit: number): RawBuilder<unknown> {
  const ofRun = runId === undefined ? sql`` : sql`and run_id = ${runId}`;
  const ofKinds = kinds === undefined ? sql`` : sql`and kind = any(${kinds}::text[])`;
  if (ticketId === undefined) return sql`select * from events where position > ${after} ${ofRun} ${ofKinds} order by position limit ${limit}`;
  return sql`
    select * from (select * from events where ticket_id = ${ticketId} ${ofRun} ${ofKinds} offset 0) of_ticket
    where position > ${after} order by position limit ${limit}`;
}

function toFeedEvent(row: Row): FeedEvent {
  const event = { position: row.position, kind: row.kind, at: row.at.toISOString(), actor: row.actor, runId: row.run_id, ticketId: row.ticket_id };
  if (row.erased) return { ...event, erased: true };
  return row.body === null ? event : { ...event, payload: JSON.parse(row.body) as Json };
}
