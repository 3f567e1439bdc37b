import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { type NewEvent, type PreparedEvent, prepareEvent } from "../event.ts";

/**
 * Appends in the given order, in one statement and without a lock. Gives the event ids, in the same order.
 * An event has no position until the sealer has seen it committed.
 */
export async function append(db: Db | Transaction, clock: Clock, events: readonly NewEvent[]): Promise<number[]> {
  const atMs = clock.nowMs();
  const prepared = events.map((event) => prepareEvent(event, atMs));
  const { rows } = await sql<{ id: number }>`with ${eventRows(prepared)} select id from event_rows`.execute(db);
  return rows.map((row) => row.id).toSorted((a, b) => a - b); // ids are handed out in the order of the events
}

/**
 * The same as part of another statement: three CTEs (`event_rows`, `new_events`, `new_payloads`) without the word `with`. `when` decides row by row and may
 * read CTEs that stand before it and the columns of `given` (`kind`, `actor`, `run_id`, `ticket_id`, `scope`, `ordinal` from 1), so that a statement which
 * finds out what happened appends only the event that did:
 *
 *     with moved as (update … returning id), ${eventRows([prepared], sql`exists (select from moved)`)} select id from moved
 *
 * `event_rows` has `id` and `ordinal` of what was appended. Once in a statement.
 */
export function eventRows(events: readonly PreparedEvent[], when: RawBuilder<unknown> = sql`true`): RawBuilder<unknown> {
  return sql`
    event_rows as materialized (
      select nextval('events_id_seq') as id, given.*
      from ${givenRows(events)} as given (kind, at, actor, run_id, ticket_id, head, body, scope, expires_at, ordinal)
      where ${when}
    ),
    new_events as (
      insert into events (id, kind, at, actor, run_id, ticket_id, head) overriding system value
      select id, kind, at, actor, run_id, ticket_id, head from event_rows
    ),
    new_payloads as (
      insert into payloads (event_id, body, scope, expires_at) select id, body, scope, expires_at from event_rows where body is not null
    )`;
}

/** One event, or what came true beside what might have, is the usual thing and gets a text of its own; any other number goes as arrays, which cost the server more to read. */
function givenRows(events: readonly PreparedEvent[]): RawBuilder<unknown> {
  const [first, second] = events;
  if (first && events.length === 1) return sql`(values ${rowOf(first, 1)})`;
  if (first && second && events.length === 2) return sql`(values ${rowOf(first, 1)}, ${rowOf(second, 2)})`;
  const column = (name: keyof PreparedEvent) => events.map((event) => event[name]);
  return sql`
      unnest(
        ${column("kind")}::text[], ${column("at")}::timestamptz[], ${column("actor")}::text[], ${column("runId")}::text[], ${column("ticketId")}::text[],
        ${column("head")}::text[], ${column("body")}::text[], ${column("scope")}::text[], ${column("expiresAt")}::timestamptz[]
      ) with ordinality`;
}

const rowOf = (event: PreparedEvent, ordinal: 1 | 2): RawBuilder<unknown> => sql`
        (${event.kind}::text, ${event.at}::timestamptz, ${event.actor}::text, ${event.runId}::text, ${event.ticketId}::text,
         ${event.head}::text, ${event.body}::text, ${event.scope}::text, ${event.expiresAt}::timestamptz, ${sql.lit(ordinal)})`;
