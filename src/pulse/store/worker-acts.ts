import { sql } from "kysely";
import type { WorkerEnd, WorkerWait } from "#src/acts/perform-worker.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { ActId, RunId, TicketId } from "#src/kernel/ids.ts";

/** The act that started a worker, as far as its process is concerned. */
export interface WorkerAct {
  readonly actId: ActId;
  readonly runId: RunId;
  readonly ticketId: TicketId | null;
  /** Its process is waited for. */
  readonly isWaiting: boolean;
  /** Nothing waits for it: the run has ended, or the act was cancelled. */
  readonly isOver: boolean;
  readonly wait: WorkerWait | null;
}

interface Row {
  readonly id: ActId;
  readonly run_id: RunId;
  readonly ticket_id: TicketId | null;
  readonly state: string;
  readonly run_open: boolean;
  readonly handle: WorkerWait | null;
}

/** By their keys, and all others of this host whose process is waited for. */
export async function workerActs(db: Db, { keys, host }: { readonly keys: readonly string[]; readonly host: string }): Promise<ReadonlyMap<string, WorkerAct>> {
  const { rows } = await sql<Row & { readonly key: string }>`
    select a.key, a.id, a.run_id, r.ticket_id, a.state, r.ended_at is null as run_open, a.handle from acts a join runs r on r.id = a.run_id
    where a.kind = 'worker' and (a.key = any(${keys}::text[]) or (a.state = 'waiting' and a.handle ->> 'host' = ${host}))`.execute(db);
  return new Map(rows.map((row) => [row.key, toAct(row)]));
}

const toAct = ({ id, run_id, ticket_id, state, run_open, handle }: Row): WorkerAct => ({
  actId: id,
  runId: run_id,
  ticketId: ticket_id,
  isWaiting: state === "waiting" && handle?.workerKey !== undefined,
  isOver: !run_open || state === "cancelled" || state === "denied",
  wait: handle?.workerKey === undefined ? null : handle,
});

/** Keeps when it last printed something. */
export async function keepLastOutput(db: Db, actId: ActId, lastOutputAtMs: number): Promise<void> {
  await sql`
    update acts set handle = handle || jsonb_build_object('lastOutputAtMs', ${lastOutputAtMs}::bigint) where id = ${actId} and state = 'waiting'`.execute(db);
}

/** Puts on the act how its process ended. False: that stands there, or nothing waits for it any more. */
export async function keepEnd(tx: Transaction, actId: ActId, end: WorkerEnd): Promise<boolean> {
  const { rows } = await sql`
    update acts set handle = handle || jsonb_build_object('ended', ${JSON.stringify(end)}::jsonb)
    where id = ${actId} and state = 'waiting' and not handle ? 'ended' returning 1`.execute(tx);
  return rows.length === 1;
}

/** Puts on the act that somebody wants its process ended. False: nothing waits for it. */
export async function keepStop(tx: Transaction, actId: ActId, stop: NonNullable<WorkerWait["stop"]>): Promise<boolean> {
  const { rows } = await sql`
    update acts set handle = handle || jsonb_build_object('stop', ${JSON.stringify(stop)}::jsonb)
    where id = ${actId} and state = 'waiting' and not handle ? 'ended' returning 1`.execute(tx);
  return rows.length === 1;
}

/** The last act of this run that started a worker. */
export async function workerActOf(
  db: Db | Transaction,
  runId: RunId,
): Promise<{ readonly id: ActId; readonly key: string; readonly state: string; readonly error: { readonly message: string } | null } | undefined> {
  const { rows } = await sql<{ id: ActId; key: string; state: string; error: { message: string } | null }>`
    select id, key, state, error from acts where run_id = ${runId} and kind = 'worker' order by turn desc, ordinal desc limit 1`.execute(db);
  return rows[0];
}
