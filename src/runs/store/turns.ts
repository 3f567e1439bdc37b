import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId, ThreadId } from "#src/kernel/ids.ts";
import type { RunBrief, RunEnd, RunLimits, RunStatus } from "../run.ts";

/** The run of this thread that has not ended; there is one at most. */
export async function openTurnOf(db: Db | Transaction, threadId: ThreadId): Promise<RunId | undefined> {
  const { rows } = await sql<{ id: RunId }>`
    select id from runs where thread_id = ${threadId} and parent_run_id is null and ended_at is null`.execute(db);
  return rows[0]?.id;
}

/** Who had the last turn of a thread. */
export async function lastTurnOf(
  db: Db | Transaction,
  threadId: ThreadId,
): Promise<{ readonly agent: string; readonly state: RunStatus; readonly limits: RunLimits; readonly brief: RunBrief } | undefined> {
  const { rows } = await sql<{ agent: string; state: RunStatus; limits: RunLimits; brief: RunBrief }>`
    select agent, state, limits, brief from runs where thread_id = ${threadId} and parent_run_id is null order by created_at desc, id desc limit 1`.execute(db);
  return rows[0];
}

/** Threads where something waits and no run is open, oldest first. */
export async function threadsWithoutTurn(db: Db, limit: number): Promise<ThreadId[]> {
  const { rows } = await sql<{ thread_id: ThreadId }>`
    select distinct thread_id from thread_messages m
    where run_id is null and not exists (select from runs r where r.thread_id = m.thread_id and r.parent_run_id is null and r.ended_at is null)
    limit ${limit}`.execute(db);
  return rows.map((row) => row.thread_id);
}

const END = sql`id, agent, state, reason, answer, ended_at is not null as "isOver"`;

export async function readEnd(db: Db, runId: string): Promise<RunEnd | undefined> {
  const { rows } = await sql<RunEnd>`select ${END} from runs where id = ${runId}`.execute(db);
  return rows[0];
}

/** Those of the runs that go no further by themselves: they have ended, or somebody is asked. */
export async function restingAmong(db: Db, runIds: readonly string[]): Promise<RunEnd[]> {
  const { rows } = await sql<RunEnd>`
    select ${END} from runs r
    where id = any(${runIds}::text[])
      and (ended_at is not null or state in ('paused', 'quarantined')
           or (state = 'waiting' and exists (select from asks a where a.run_id = r.id and a.state = 'open' and not a.stranded)))`.execute(db);
  return rows;
}
