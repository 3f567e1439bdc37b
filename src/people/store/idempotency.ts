import { sql } from "kysely";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";

/** One request of one principal under a key that the principal chose. `digest`: over everything that makes it this request. */
export interface KeyedRequest {
  readonly principalId: PrincipalId;
  readonly key: string;
  readonly digest: string;
}

export interface KeptReply {
  readonly status: number;
  /** The body as it was sent. */
  readonly text: string;
}

export type Performed = KeptReply & { readonly replayed: boolean };

/**
 * Does the work and keeps its reply in one transaction, so that either both are there or neither: after a crash a repeat gets the first reply, or does the
 * work for the first time. Of two requests at once the second waits for the first. Work that throws keeps nothing. The work gets a handle on the transaction
 * in the shape of a database: transactions that it opens join this one. @throws LoopError idempotency_key_reused
 */
export async function performKeyed(db: Db, request: KeyedRequest, work: (db: Db) => Promise<KeptReply>): Promise<Performed> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ key: string }>`
      insert into idempotency_keys (principal_id, key, request_digest) values (${request.principalId}, ${request.key}, ${request.digest})
      on conflict do nothing returning key`.execute(tx);
    if (rows.length === 0) return (await findReply(tx, request))!;
    const reply = await work(joined(tx));
    await sql`
      update idempotency_keys set status = ${reply.status}, response = ${reply.text}
      where principal_id = ${request.principalId} and key = ${request.key}`.execute(tx);
    return { ...reply, replayed: false };
  });
}

/** The reply that was kept under this key, if any. @throws LoopError idempotency_key_reused */
export async function findReply(db: Db | Transaction, request: KeyedRequest): Promise<Performed | undefined> {
  const { rows } = await sql<{ request_digest: string; status: number; response: string }>`
    select request_digest, status, response from idempotency_keys where principal_id = ${request.principalId} and key = ${request.key}`.execute(db);
  const row = rows[0];
  if (row && row.request_digest !== request.digest) throw keyReused(request.key);
  return row && { status: row.status, text: row.response, replayed: true };
}

/** Keeps the reply of work that is itself safe to repeat. The first reply stays, and is given back. @throws LoopError idempotency_key_reused */
export async function keepReply(db: Db, request: KeyedRequest, reply: KeptReply): Promise<Performed> {
  return performKeyed(db, request, async () => reply);
}

/** The same in the transaction that does the work, which fails with the work of another request under this key. @throws LoopError idempotency_key_reused */
export async function keepReplyWith(tx: Transaction, request: KeyedRequest, reply: KeptReply): Promise<void> {
  const { rows } = await sql`
    insert into idempotency_keys (principal_id, key, request_digest, status, response)
    values (${request.principalId}, ${request.key}, ${request.digest}, ${reply.status}, ${reply.text}) on conflict do nothing returning key`.execute(tx);
  if (rows.length === 0) throw keyReused(request.key);
}

export function keyReused(key: string, cause?: unknown): LoopError {
  return new LoopError("idempotency_key_reused", "This Idempotency-Key came with another request before. Repeat that request exactly, or choose a new key.", {
    facts: { key: key.slice(0, 80) },
    cause,
  });
}

/** Forgets replies older than this. Gives how many. */
export async function deleteOldReplies(db: Db, olderThanMs: number): Promise<number> {
  const { rows } = await sql<{ key: string }>`
    delete from idempotency_keys where at < loop_now() - ${olderThanMs}::float8 * interval '1 millisecond' returning key`.execute(db);
  return rows.length;
}

/** A whole request in one transaction: what the work does through the given handle is committed together, or not at all. */
export const performTogether = <T>(db: Db, work: (db: Db) => Promise<T>): Promise<T> => inTransaction(db, (tx) => work(joined(tx)));

/**
 * Postgres takes no statement after one has failed, so from then on every try gives the first failure: the transaction outside decides whether the whole is
 * tried again. A named failure leaves the transaction usable; whoever catches one keeps what was written before it.
 */
function joined(tx: Transaction): Db {
  let failed: { readonly error: unknown } | undefined;
  const execute = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    if (failed) throw failed.error;
    try {
      return await work(tx);
    } catch (error) {
      if (!(error instanceof LoopError)) failed ??= { error };
      throw error;
    }
  };
  return Object.assign(tx, { transaction: () => ({ execute }) }) as unknown as Db;
}
