import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { CHARGE_OF_LEDGER, chargeAllotment, settle, type SettledTokens, type SettleOutcome, settleOutcome, type SettleRow } from "./settle.ts";

/** A cost that a tool or a worker tells us, after the fact. Null is unknown. */
export interface SelfReport {
  readonly actId: string;
  readonly attempt: number;
  readonly runId: string | null;
  readonly ticketId: string | null;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tier: string | null;
  readonly model: string | null;
  readonly costNanos: number | null;
  readonly tokens: SettledTokens;
}

/**
 * Records a self-reported cost, marked as such, and counts it against the budgets of its run. An attempt that was reserved is settled with it, one that
 * was not gets a row; everything beyond a reservation is shown as overrun. Safe to call twice: the first report stays.
 */
export async function recordSelfReported(db: Db | Transaction, report: SelfReport): Promise<SettleOutcome> {
  const { tokens } = report;
  const { rows } = await sql<SettleRow>`
    with report_entry as (
      insert into ledger (act_id, attempt, run_id, ticket_id, agent, labels, tier, model, cost_nanos,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, source, state, settled_at)
      values (${report.actId}, ${report.attempt}, ${report.runId}, ${report.ticketId}, ${report.agent}, ${JSON.stringify(report.labels)}::jsonb,
        ${report.tier}, ${report.model}, ${report.costNanos}, ${tokens.input}, ${tokens.cached}, ${tokens.output}, ${tokens.reasoning},
        'self-reported', 'settled', loop_now())
      on conflict (act_id, attempt) do nothing
      returning run_id, reserved_nanos, reserved_tokens, ${CHARGE_OF_LEDGER}
    ),
    settle as (${chargeAllotment("report_entry")})
    select coalesce(overrun_nanos, 0) as overrun_nanos, coalesce(overrun_tokens, 0) as overrun_tokens, coalesce(draining, false) as draining
    from report_entry left join settle on true`.execute(db);
  if (rows[0]) return settleOutcome(rows[0]);
  return settle(db, { ...report, listNanos: null, pricedAs: null, source: "self-reported" });
}
