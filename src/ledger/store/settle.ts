import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

export interface SettledTokens {
  /** Cached ones included. */
  readonly input: number | null;
  readonly cached: number | null;
  /** Reasoning included. */
  readonly output: number | null;
  readonly reasoning: number | null;
}

/** What an attempt turned out to cost. Null is unknown and stays unknown; against budgets it counts with its reservation. */
export interface Settlement {
  readonly actId: string;
  readonly attempt: number;
  readonly costNanos: number | null;
  readonly listNanos: number | null;
  /** Null keeps what the reservation said. */
  readonly model: string | null;
  readonly pricedAs: string | null;
  readonly tokens: SettledTokens;
  readonly source: "measured" | "self-reported" | "estimated";
}

/** `draining`: the run has already returned its slice; call `returnAllotment` again so that this charge reaches the budgets. */
export type SettleOutcome =
  | { readonly kind: "settled"; readonly overrunNanos: number; readonly overrunTokens: number; readonly draining: boolean }
  | { readonly kind: "alreadySettled" };

export interface SettleRow {
  readonly overrun_nanos: number;
  readonly overrun_tokens: number;
  readonly draining: boolean;
}

/** An attempt whose outcome was lost (a crash came between): it is taken to have cost its reservation, marked estimated; unknown where there was no price. */
export function lostAttempt(actId: string, attempt: number): Settlement & { readonly lost: true } {
  const tokens = { input: null, cached: null, output: null, reasoning: null };
  return { actId, attempt, costNanos: null, listNanos: null, model: null, pricedAs: null, tokens, source: "estimated", lost: true };
}

/**
 * Two members of a WITH clause. `settle_entry` gives a row when the attempt was reserved and is now settled, none when it was settled before;
 * `settle` gives the row of a `SettleRow` when the run has an allotment. A charge beyond the reservation is taken in full and shown as overrun.
 */
export function settleFragment(settlement: Settlement & { readonly lost?: true }): RawBuilder<unknown> {
  const { tokens } = settlement;
  const lost = settlement.lost ?? false;
  return sql`
    settle_entry as (
      update ledger set state = 'settled', settled_at = loop_now(), source = ${settlement.source},
        cost_nanos = case when ${lost}::boolean then case when priced_as is not null then reserved_nanos end else ${settlement.costNanos}::bigint end,
        list_nanos = case when ${lost}::boolean then case when priced_as is not null then reserved_nanos end else ${settlement.listNanos}::bigint end,
        model = coalesce(${settlement.model}, model), priced_as = coalesce(${settlement.pricedAs}, priced_as),
        input_tokens = ${tokens.input}::bigint, cached_tokens = ${tokens.cached}::bigint,
        output_tokens = ${tokens.output}::bigint, reasoning_tokens = ${tokens.reasoning}::bigint
      where act_id = ${settlement.actId} and attempt = ${settlement.attempt}::int and state = 'reserved'
      returning run_id, reserved_nanos, reserved_tokens, ${CHARGE_OF_LEDGER}
    ),
    settle as (${chargeAllotment("settle_entry")})`;
}

/** What a ledger row takes from the budgets: its reservation where the cost or a token count is unknown. A call without output says 0, not null. */
export const CHARGE_OF_LEDGER = sql`
  coalesce(ledger.cost_nanos, ledger.reserved_nanos) as charge_nanos,
  coalesce(ledger.input_tokens + ledger.output_tokens, greatest(ledger.reserved_tokens, ledger.input_tokens, ledger.output_tokens)) as charge_tokens,
  (ledger.cost_nanos is null)::int as unknown_calls`;

/** Frees the reservation and takes the charge. A closed allotment opens again as draining, so that no late charge is lost. */
export function chargeAllotment(entry: "settle_entry" | "report_entry" | "correct_entry"): RawBuilder<unknown> {
  return sql`
    update allotments set closed = false,
      reserved_nanos = allotments.reserved_nanos - e.reserved_nanos, reserved_tokens = allotments.reserved_tokens - e.reserved_tokens,
      spent_nanos = spent_nanos + e.charge_nanos, spent_tokens = spent_tokens + e.charge_tokens, unknown_calls = allotments.unknown_calls + e.unknown_calls
    from ${sql.raw(entry)} e where allotments.run_id = e.run_id
    returning greatest(0, e.charge_nanos - e.reserved_nanos) as overrun_nanos, greatest(0, e.charge_tokens - e.reserved_tokens) as overrun_tokens,
      valid_until is not distinct from '-infinity' as draining`;
}

/** Settles a reserved attempt, once: whoever comes second changes nothing. */
export async function settle(db: Db | Transaction, settlement: Settlement & { readonly lost?: true }): Promise<SettleOutcome> {
  const { rows } = await sql<SettleRow>`
    with ${settleFragment(settlement)}
    select coalesce(overrun_nanos, 0) as overrun_nanos, coalesce(overrun_tokens, 0) as overrun_tokens, coalesce(draining, false) as draining
    from settle_entry left join settle on true`.execute(db);
  return settleOutcome(rows[0]);
}

export function settleOutcome(row: SettleRow | undefined): SettleOutcome {
  if (!row) return { kind: "alreadySettled" };
  return { kind: "settled", overrunNanos: row.overrun_nanos, overrunTokens: row.overrun_tokens, draining: row.draining };
}
