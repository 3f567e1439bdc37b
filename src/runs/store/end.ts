import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { type ReceiptRow, receiptFragment } from "#src/evidence/store/receipts.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Lease } from "#src/leases/lease.ts";
import { returnFreeFragment } from "#src/ledger/store/return.ts";

export interface RunEnding {
  readonly state: "done" | "failed" | "interrupted";
  readonly reason: string | null;
  readonly answer: Json | null;
  readonly receipt: ReceiptRow;
  readonly events: readonly PreparedEvent[];
}

export interface Ended {
  /** False: the lease was lost, or the run still asks somebody. */
  readonly isOver: boolean;
  /** It holds a slice of budgets, which is to be returned. */
  readonly owes: boolean;
}

/**
 * Ends a run that asks nobody any more: its lease, its receipt, its events, and its allotment where no budget is counted, in one statement. Fenced. Lock order: run, receipt,
 * allotment.
 */
export async function endRun(db: Db | Transaction, lease: Lease, { state, reason, answer, receipt, events }: RunEnding): Promise<Ended> {
  const isHeld = sql`exists (select from held)`;
  const { rows } = await sql<Ended>`
    with held as (
      update runs set state = ${state}, reason = ${reason}, ended_at = loop_now(), holder = null, due = null, tries = 0,
        answer = ${answer === null ? null : JSON.stringify(answer)}::jsonb
      where id = ${lease.runId} and fence = ${lease.fence} and holder is not null
        and not exists (select from asks where run_id = ${lease.runId} and state = 'open' and not stranded)
      returning id
    ), ${receiptFragment(receipt, isHeld)}, ${returnFreeFragment(lease.runId, isHeld)}, ${eventRows(events, isHeld)}
    select ${isHeld} as "isOver",
      exists (select from allotments where run_id = ${lease.runId} and not closed and periods <> '{}') as owes`.execute(db);
  return rows[0]!;
}
