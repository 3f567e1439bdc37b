import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { NewMessage } from "#src/acts/store/end.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "#src/leases/lease.ts";
import type { Run, RunStatus } from "../run.ts";

export type NewRun = Pick<Run, "id" | "ticketId" | "threadId" | "agent" | "runner" | "procedure" | "labels" | "limits" | "revision" | "attempt"> & {
  readonly brief?: Run["brief"];
  readonly parentRunId?: Run["parentRunId"];
  readonly lanes: readonly string[];
  readonly retryOf: string | null;
};

/** A run that is about to be made, with how its transcript begins and what the journal says of it. */
export interface Birth {
  readonly run: NewRun;
  readonly messages: readonly NewMessage[];
  readonly event: PreparedEvent;
}

/** Who moves the run from the start: it is made held, as if it had been claimed. */
export interface Holder {
  readonly holder: string;
  readonly leaseMs: number;
}

/** The lease of a run that was made held. */
export const firstLease = (runId: RunId): Lease => ({ runId, fence: 1, wake: 0, tries: 1 });

/** Makes the run, due at once. */
export async function insertRun(tx: Db | Transaction, { run, messages, event }: Birth): Promise<void> {
  await sql`with ${runFragment({ run, messages })}, ${eventRows([event])} select 1`.execute(tx);
}

/**
 * Two members of a WITH clause, `new_run` and `new_messages`, for a run that is due at once or held from the start; written where `when` holds, which must be
 * constant text. Its event is for whoever writes the statement.
 */
export function runFragment({ run, messages, holder }: Omit<Birth, "event"> & { holder?: Holder | undefined }, when: RawBuilder<unknown> = sql`true`) {
  return sql`
    new_run as (
      insert into runs (id, ticket_id, thread_id, agent, runner, procedure, state, labels, limits, revision, attempt, lanes, retry_of, brief, parent_run_id, created_at,
        due, holder, fence, tries, started_at)
      select ${run.id}, ${run.ticketId}, ${run.threadId}, ${run.agent}, ${run.runner}, ${run.procedure}, ${holder ? sql`'running'` : sql`'queued'`},
        ${JSON.stringify(run.labels)}::jsonb, ${JSON.stringify(run.limits)}::jsonb, ${run.revision}::bigint, ${run.attempt}::int, ${run.lanes}::text[], ${run.retryOf},
        ${JSON.stringify(run.brief ?? {})}::jsonb, ${run.parentRunId ?? null}, loop_now(),
        ${holder ? sql`loop_now() + ${holder.leaseMs} * interval '1 millisecond', ${holder.holder}, 1, 1, loop_now()` : sql`loop_now(), null, 0, 0, null`}
      where ${when}
      returning created_at
    ),
    new_messages as (${messageRows(run.id, messages)} where ${when})`;
}

export async function insertMessages(tx: Db | Transaction, runId: string, messages: readonly NewMessage[]): Promise<void> {
  await messageRows(runId, messages).execute(tx);
}

function messageRows(runId: string, messages: readonly NewMessage[]): RawBuilder<unknown> {
  const column = <T>(of: (message: NewMessage) => T): T[] => messages.map(of);
  return sql`
    insert into messages (run_id, seq, role, name, source, trust, content)
    select ${runId}, m.seq, m.role, m.name, m.source, m.trust, m.content::jsonb
    from unnest(${column(({ seq }) => seq)}::int[], ${column(({ role }) => role)}::text[], ${column(({ name }) => name)}::text[],
                ${column(({ source }) => source)}::text[], ${column(({ trust }) => trust)}::text[],
                ${column(({ content }) => JSON.stringify(content))}::text[]) as m (seq, role, name, source, trust, content)`;
}

export async function setTurns(tx: Transaction, runId: string, turns: number): Promise<void> {
  await sql`update runs set turns = greatest(turns, ${turns}) where id = ${runId}`.execute(tx);
}

/** Takes a run out of the hands of whoever holds it. False when its state does not allow the move. */
export async function seizeRun(
  tx: Transaction,
  runId: string,
  move: { from: readonly RunStatus[]; to: RunStatus; reason: string; due: boolean; ends: boolean },
): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update runs set state = ${move.to}, reason = ${move.reason}, fence = fence + 1, wake = wake + 1, holder = null, tries = 0,
      due = case when ${move.due} then loop_now() end, ended_at = case when ${move.ends} then loop_now() end
    where id = ${runId} and state = any(${move.from}::text[])
    returning id`.execute(tx);
  return rows.length === 1;
}

/** Sets a held run aside: nobody claims it before it is woken. */
export async function setAside(tx: Transaction, lease: Lease, reason: string): Promise<void> {
  await sql`
    update runs set state = 'quarantined', reason = ${reason}, holder = null, due = null, tries = 0 where id = ${lease.runId} and fence = ${lease.fence}`.execute(
    tx,
  );
}

/** A held run that was set aside goes on. */
export async function takeUp(tx: Transaction, lease: Lease): Promise<void> {
  await sql`update runs set reason = null where id = ${lease.runId} and fence = ${lease.fence}`.execute(tx);
}
