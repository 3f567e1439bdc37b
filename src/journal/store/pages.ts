import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { ExportEvent } from "../export-format.ts";
import type { KeyId } from "../keys.ts";

/** Where the record says that the journal stands, as of one moment. */
export interface Extent {
  /** Of the head row. */
  readonly position: number;
  readonly hash: Buffer;
  /** The last position that an event has, and that a seal has; 0 when there is none. */
  readonly lastEvent: number;
  readonly lastSeal: number;
  readonly seals: number;
  /** Events that have no position yet. */
  readonly unsealed: number;
  /** By the database. */
  readonly at: Date;
}

export async function readExtent(db: Db | Transaction): Promise<Extent> {
  const { rows } = await sql<Extent>`
    select h.position, h.hash, date_trunc('milliseconds', loop_now()) as at,
      coalesce((select max(position) from events), 0) as "lastEvent",
      coalesce((select max(position) from journal_seals), 0) as "lastSeal",
      (select count(*) from journal_seals) as seals,
      (select count(*) from events where position is null) as unsealed
    from journal_head h`.execute(db);
  return rows[0]!;
}

/** Ids follow positions closely, so a page's payloads are one stretch of their index; without the bounds the whole table may be read for each page. */
const payloadsOfPage = sql`select * from payloads where event_id between (select min(id) from page) and (select max(id) from page)`;

export interface StoredEvent {
  readonly position: number;
  readonly hash: Buffer;
  readonly head: string;
  readonly kind: string;
  /** ISO 8601 in UTC, with the microseconds that the column could hold. */
  readonly at: string;
  readonly actor: string;
  readonly runId: string | null;
  readonly ticketId: string | null;
  /** SHA-256 of the payload as stored, in hex. */
  readonly payload: string | null;
  readonly erased: boolean;
}

/** After one position and up to another. */
export interface Stretch {
  readonly after: number;
  readonly to: number;
}

/** The next sealed events of the stretch, in order. Payloads stay in the database, so that a page is small whatever they are. */
export async function readStoredEvents(db: Db | Transaction, { after, to }: Stretch, limit: number): Promise<StoredEvent[]> {
  const { rows } = await sql<StoredEvent>`
    with page as materialized (select * from events where position > ${after} and position <= ${to} order by position limit ${limit})
    select e.position, e.hash, e.head, e.kind, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, e.actor,
      e.run_id as "runId", e.ticket_id as "ticketId", encode(sha256(convert_to(p.body, 'UTF8')), 'hex') as payload, p.erased_at is not null as erased
    from page e left join (${payloadsOfPage}) p on p.event_id = e.id
    order by e.position`.execute(db);
  return rows;
}

export interface TextPage {
  readonly events: number;
  /** The page ends earlier when its payloads together are larger; it has one event at least. */
  readonly sizeBytes: number;
}

/** The next sealed events of the stretch with their payloads, in order. */
export async function readEventTexts(
  db: Db | Transaction,
  { after, to }: Stretch,
  limit: TextPage,
): Promise<(Omit<ExportEvent, "hash"> & { readonly hash: Buffer })[]> {
  const { rows } = await sql<Omit<ExportEvent, "hash"> & { readonly hash: Buffer }>`
    with page as materialized (select * from events where position > ${after} and position <= ${to} order by position limit ${limit.events}),
    texts as (
      select e.position, e.hash, e.head, p.body, p.erased_at is not null as erased,
        sum(coalesce(octet_length(p.body), 0)) over (order by e.position rows between unbounded preceding and 1 preceding) as before
      from page e left join (${payloadsOfPage}) p on p.event_id = e.id
    )
    select position, hash, head, body, erased from texts where coalesce(before, 0) < ${limit.sizeBytes} order by position`.execute(db);
  return rows;
}

export interface StoredSeal {
  readonly position: number;
  readonly hash: Buffer;
  readonly at: Date;
  readonly keyId: KeyId;
  readonly signature: Buffer;
}

/** Every seal of the stretch, in order. */
export async function readSeals(db: Db | Transaction, { after, to }: Stretch): Promise<StoredSeal[]> {
  const { rows } = await sql<StoredSeal>`
    select position, hash, at, key_id as "keyId", signature from journal_seals where position > ${after} and position <= ${to} order by position`.execute(db);
  return rows;
}

/** The last seal of each key in the stretch, in order: it vouches for all before it. */
export async function readLastSeals(db: Db | Transaction, { after, to }: Stretch): Promise<StoredSeal[]> {
  const { rows } = await sql<StoredSeal>`
    select * from (
      select distinct on (key_id) position, hash, at, key_id as "keyId", signature
      from journal_seals where position > ${after} and position <= ${to} order by key_id, position desc
    ) last order by position`.execute(db);
  return rows;
}

/** The hash at a position; undefined when nothing stands there. */
export async function readHashAt(db: Db | Transaction, position: number): Promise<Buffer | undefined> {
  const { rows } = await sql<{ hash: Buffer }>`select hash from events where position = ${position}`.execute(db);
  return rows[0]?.hash;
}
