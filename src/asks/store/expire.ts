import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { AskId } from "#src/kernel/ids.ts";
import type { Approvers } from "../ask.ts";

/** Open asks whose next step is due, longest due first; 100 at most. */
export async function dueAskIds(db: Db): Promise<AskId[]> {
  const { rows } = await sql<{ id: AskId }>`
    select id from asks where state = 'open' and next_step_at <= loop_now() order by next_step_at limit 100`.execute(db);
  return rows.map((row) => row.id);
}

export interface TakenStep {
  readonly askId: AskId;
  /** The step that is taken: two sweeps on one step, one winner. */
  readonly step: number;
  readonly state: "open" | "expired";
  readonly approvers: Approvers;
  /** From the opening of the ask; null when no step is left. */
  readonly nextAfterMs: number | null;
}

/** False when the ask was settled, or this step taken, by someone else. */
export async function takeStep(tx: Transaction, taken: TakenStep): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update asks
    set step = step + 1, copied = 0, state = ${taken.state}, approvers = ${JSON.stringify(taken.approvers)}::jsonb,
        settled_at = case when ${taken.state} = 'expired' then loop_now() end,
        next_step_at = created_at + ${taken.nextAfterMs}::float8 * interval '1 millisecond'
    where id = ${taken.askId} and state = 'open' and step = ${taken.step} and next_step_at <= loop_now()
    returning id`.execute(tx);
  return rows.length === 1;
}

/** The step that is next for this ask. */
export async function stepOf(tx: Transaction, askId: AskId): Promise<number> {
  const { rows } = await sql<{ step: number }>`select step from asks where id = ${askId}`.execute(tx);
  return rows[0]?.step ?? 0;
}
