import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import type { Id, RunId, ThreadId } from "#src/kernel/ids.ts";
import { type Birth, type Holder, runFragment } from "#src/runs/store/write.ts";

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

/** Whether a call of this digest is to be done again: it is older than this time (null: there is none), or it failed before it had done anything. */
const isSpent = (withinMs: number | null): RawBuilder<boolean> => sql<boolean>`
  (${withinMs}::float8 is not null and c.at <= loop_now() - ${withinMs}::float8 * interval '1 millisecond'
   or exists (
     select from runs r
     where r.id = coalesce(c.run_id, (select m.run_id from thread_messages m where m.id = c.message_id)) and r.state in ('failed', 'cancelled', 'interrupted')
       and not exists (select from acts a
         where a.run_id = r.id and a.kind in ('tool', 'message', 'shell', 'push', 'worker') and a.effect <> 'read' and a.state in ('done', 'unknown', 'started'))))`;

interface NewCall {
  readonly call: ServiceCall;
  /** How long a repeat is this call; null: for good. */
  readonly withinMs: number | null;
  readonly events: readonly PreparedEvent[];
}

/**
 * Members of a WITH clause; `new_call` gives a row when the call is on record, and none when one of its digest stands that it is a repeat of, also one that is
 * being made now: its commit is waited for.
 */
const callFragment = ({ call, withinMs, events }: NewCall): RawBuilder<unknown> => sql`
    spent as (update service_calls c set stands = false where c.digest = ${call.digest} and c.stands and ${isSpent(withinMs)} returning c.id),
    new_call as (
      insert into service_calls (id, service, principal_id, digest, session_id, thread_id, message_id, run_id, callback_url, callback_state, at, stands)
      select ${call.id}, ${call.service}, ${call.principalId}, ${call.digest}, ${call.sessionId}, ${call.threadId}, ${call.messageId}, ${call.runId},
        ${call.callbackUrl}::text, case when ${call.callbackUrl}::text is not null then 'waiting' end, loop_now(), true
      from (select count(*) from spent) first
      on conflict (digest) where stands do nothing
      returning id
    ), ${eventRows(events, sql`exists (select from new_call)`)}`;

/** False: it is a repeat, and nothing was written. */
export async function insertCall(tx: Transaction, made: NewCall): Promise<boolean> {
  const { rows } = await sql`with ${callFragment(made)} select id from new_call`.execute(tx);
  return rows.length === 1;
}

/** The same with the run that it begins, in one statement. Gives the time by the database; undefined: it is a repeat. */
export async function insertCallWithRun(
  db: Db | Transaction,
  { birth, holder, ...made }: NewCall & { readonly birth: Omit<Birth, "event">; readonly holder: Holder | undefined },
): Promise<number | undefined> {
  const { rows } = await sql<{ nowMs: number }>`
    with ${callFragment(made)}, ${runFragment({ ...birth, holder }, sql`exists (select from new_call)`)}
    select (extract(epoch from created_at) * 1000)::float8 as "nowMs" from new_run`.execute(db);
  return rows[0]?.nowMs;
}

/** The call of this digest that a repeat stands for. */
export async function findRepeat(tx: Db | Transaction, digest: string, withinMs: number | null): Promise<ServiceCall | undefined> {
  const { rows } = await sql<CallRow>`
    select c.*, coalesce(c.run_id, m.run_id) as run from service_calls c left join thread_messages m on m.id = c.message_id
    where c.digest = ${digest} and c.stands and not ${isSpent(withinMs)}`.execute(tx);
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
