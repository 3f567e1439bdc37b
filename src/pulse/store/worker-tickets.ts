import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";
import type { RunStatus } from "#src/runs/run.ts";

export interface WorkerTicket {
  readonly ticketId: TicketId;
  /** Its last run. */
  readonly runId: RunId | null;
  readonly attempt: number;
}

/** The open ticket of this name, with its last run. */
export async function openTicketOf(tx: Db | Transaction, worker: string): Promise<WorkerTicket | undefined> {
  const { rows } = await sql<{ id: TicketId; run_id: RunId | null; attempt: number | null }>`
    select t.id, r.id as run_id, r.attempt from tickets t
      left join lateral (select id, attempt from runs where ticket_id = t.id order by created_at desc, id desc limit 1) r on true
    where t.alias = ${worker} and t.status not in ('resolved', 'cancelled')`.execute(tx);
  return rows[0] && { ticketId: rows[0].id, runId: rows[0].run_id, attempt: rows[0].attempt ?? 0 };
}

/** How the start of a worker stands. */
export interface StartState {
  readonly runState: RunStatus;
  readonly reason: string | null;
  readonly actState: string | null;
  /** Its process runs or has run. */
  readonly hasProcess: boolean;
  readonly askId: string | null;
  readonly why: string | null;
}

export async function startStateOf(db: Db, runId: RunId): Promise<StartState> {
  const { rows } = await sql<StartState>`
    select r.state as "runState", r.reason, a.state as "actState", coalesce(a.handle ? 'workerKey', false) as "hasProcess",
      case when a.state = 'asked' then a.ask_id end as "askId", a.error ->> 'message' as why
    from runs r left join lateral (select * from acts where run_id = r.id and kind = 'worker' order by turn desc, ordinal desc limit 1) a on true
    where r.id = ${runId}`.execute(db);
  return rows[0]!;
}
