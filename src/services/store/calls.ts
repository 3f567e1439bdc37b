import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Id, RunId, ThreadId } from "#src/kernel/ids.ts";
import type { RunStatus } from "#src/runs/run.ts";

export interface ServiceCall {
  readonly id: Id<"job">;
  readonly service: string;
  readonly principalId: string;
  readonly digest: string;
  readonly sessionId: string | null;
  readonly threadId: ThreadId | null;
  /** Where it waits in its session for a run. */
  readonly messageId: Id<"msg"> | null;
  readonly runId: RunId | null;
  readonly callbackUrl: string | null;
}

export async function insertCall(tx: Transaction, call: ServiceCall): Promise<void> {
  await sql`
    insert into service_calls (id, service, principal_id, digest, session_id, thread_id, message_id, run_id, callback_url, callback_state, at)
    values (${call.id}, ${call.service}, ${call.principalId}, ${call.digest}, ${call.sessionId}, ${call.threadId}, ${call.messageId}, ${call.runId},
            ${call.callbackUrl}, case when ${call.callbackUrl}::text is not null then 'waiting' end, loop_now())`.execute(tx);
}

/** Calls with this digest go one after the other. */
export async function lockDigest(tx: Transaction, digest: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${digest}, 7))`.execute(tx);
}

/**
 * The last call with this digest that a repeat stands for: not older than `withinMs` (null: however old), and not one that failed before it had done anything, which may be tried
 * again.
 */
export async function findRepeat(tx: Db | Transaction, digest: string, withinMs: number | null): Promise<ServiceCall | undefined> {
  const { rows } = await sql<CallRow>`
    select c.*, coalesce(c.run_id, m.run_id) as run from service_calls c left join thread_messages m on m.id = c.message_id
    left join runs r on r.id = coalesce(c.run_id, m.run_id)
    where c.digest = ${digest} and (${withinMs}::float8 is null or c.at > loop_now() - ${withinMs}::float8 * interval '1 millisecond')
      and (coalesce(r.state, 'queued') not in ('failed', 'cancelled', 'interrupted')
           or exists (select from acts a where a.run_id = r.id and a.kind in ('tool', 'message', 'shell', 'push', 'worker') and a.effect <> 'read' and a.state in ('done', 'unknown', 'started')))
    order by c.at desc, c.id desc limit 1`.execute(tx);
  return rows[0] && toCall(rows[0]);
}

export async function findCall(
  db: Db | Transaction,
  of: { readonly id: string } | { readonly runId: string },
): Promise<(ServiceCall & { readonly callbackState: string | null }) | undefined> {
  const { rows } = await sql<CallRow>`
    select c.*, coalesce(c.run_id, m.run_id) as run from service_calls c left join thread_messages m on m.id = c.message_id
    where ${"id" in of ? sql`c.id = ${of.id}` : sql`c.run_id = ${of.runId} or m.run_id = ${of.runId}`} limit 1`.execute(db);
  return rows[0] && { ...toCall(rows[0]), callbackState: rows[0].callback_state };
}

/** The call that waits to be called back with the result of this run. */
export async function callbackOf(tx: Transaction, runId: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select c.id from service_calls c left join thread_messages m on m.id = c.message_id
    where c.callback_state = 'waiting' and (c.run_id = ${runId} or m.run_id = ${runId})`.execute(tx);
  return rows[0]?.id;
}

/** The result reached whoever was to be called back. */
export async function markCalledBack(db: Db | Transaction, id: string): Promise<void> {
  await sql`update service_calls set callback_state = 'sent', delivered_at = loop_now() where id = ${id} and callback_state = 'waiting'`.execute(db);
}

export interface RunEnd {
  readonly id: RunId;
  readonly agent: string;
  readonly state: RunStatus;
  readonly reason: string | null;
  /** What it gave, when it ended well. */
  readonly answer: { readonly said: string; readonly value?: Json } | null;
  readonly isOver: boolean;
}

export async function readEnd(db: Db, runId: string): Promise<RunEnd | undefined> {
  const { rows } = await sql<RunEnd>`select id, agent, state, reason, answer, ended_at is not null as "isOver" from runs where id = ${runId}`.execute(db);
  return rows[0];
}

interface CallRow {
  readonly id: Id<"job">;
  readonly service: string;
  readonly principal_id: string;
  readonly digest: string;
  readonly session_id: string | null;
  readonly thread_id: ThreadId | null;
  readonly message_id: Id<"msg"> | null;
  readonly run: RunId | null;
  readonly callback_url: string | null;
  readonly callback_state: string | null;
}

function toCall(row: CallRow): ServiceCall {
  return {
    id: row.id,
    service: row.service,
    principalId: row.principal_id,
    digest: row.digest,
    sessionId: row.session_id,
    threadId: row.thread_id,
    messageId: row.message_id,
    runId: row.run,
    callbackUrl: row.callback_url,
  };
}
