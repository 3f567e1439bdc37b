import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Seal } from "../chain.ts";

/** A sealer that hangs in the middle of a batch (a stopped process) is cut off, so that another may go on. */
const HUNG_SEALER_MS = 5_000;

/** Until the transaction ends there is no other sealer; false when there is one. Never waits. */
export async function tryLockSealing(tx: Transaction): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended('loopwright.journal.sealer', 0)) as locked,
      set_config('idle_in_transaction_session_timeout', ${String(HUNG_SEALER_MS)}, true)`.execute(tx);
  return rows[0]!.locked;
}

/** Cheap: whether sealing is worth a transaction. */
export async function hasUnsealed(db: Db): Promise<boolean> {
  const { rows } = await sql<{ some: boolean }>`select exists (select from events where position is null) as some`.execute(db);
  return rows[0]!.some;
}

export interface UnsealedEvent {
  readonly id: number;
  readonly head: string;
}

/** What is committed and has no position, in id order. A statement of its own: its snapshot must be newer than the lock. */
export async function readUnsealed(tx: Transaction, limit: number): Promise<UnsealedEvent[]> {
  const { rows } = await sql<UnsealedEvent>`select id, head from events where position is null order by id limit ${limit}`.execute(tx);
  return rows;
}

export interface JournalHead {
  readonly position: number;
  readonly hash: Buffer;
  /** The time of this transaction, by the database. */
  readonly at: Date;
}

export async function lockHead(tx: Transaction): Promise<JournalHead> {
  const { rows } = await sql<JournalHead>`select position, hash, date_trunc('milliseconds', loop_now()) as at from journal_head for update`.execute(tx);
  return rows[0]!;
}

export async function readPosition(tx: Transaction): Promise<number> {
  const { rows } = await sql<{ position: number }>`select position from journal_head`.execute(tx);
  return rows[0]!.position;
}

export interface Batch {
  readonly ids: readonly number[];
  /** Hex, one for each id. */
  readonly hashes: readonly string[];
  /** At the position of the last id. */
  readonly seal: Seal;
  readonly signature: Buffer;
}

export interface BatchCounts {
  readonly sealed: number;
  readonly moved: number;
  readonly signed: number;
}

/** Gives the ids the positions up to the seal's and moves the head there. Signs only with a registered key that is not revoked. The counts say what was met. */
export async function writeBatch(tx: Transaction, { ids, hashes, seal, signature }: Batch): Promise<BatchCounts> {
  const before = seal.position - ids.length;
  const { rows } = await sql<BatchCounts>`
    with sealed as (
      update events e set position = ${before} + x.ordinal, hash = decode(x.hash, 'hex')
      from unnest(${ids}::bigint[], ${hashes}::text[]) with ordinality as x (id, hash, ordinal)
      where e.id = x.id and e.position is null
      returning e.id
    ), moved as (
      update journal_head set position = ${seal.position}, hash = decode(${seal.hash}, 'hex') where position = ${before} returning position
    ), signed as (
      insert into journal_seals (position, hash, key_id, signature, at)
      select ${seal.position}, decode(${seal.hash}, 'hex'), id, ${signature}, ${seal.at}::timestamptz
      from signing_keys where id = ${seal.keyId} and revoked_at is null
      returning position
    )
    select (select count(*) from sealed) as sealed, (select count(*) from moved) as moved, (select count(*) from signed) as signed`.execute(tx);
  return rows[0]!;
}
