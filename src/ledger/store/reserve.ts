import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** One attempt of an act, before it is performed. */
export interface Reservation {
  readonly actId: string;
  readonly attempt: number;
  readonly runId: string;
  readonly ticketId: string | null;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tier: string | null;
  readonly model: string | null;
  /** Null: the model has no price. Then `nanos` is null too. */
  readonly pricedAs: string | null;
  /** The most that it can cost. Null is unknown: refused where a budget that blocks has a cap in money. */
  readonly nanos: number | null;
  readonly tokens: number;
  /** No budget applies: the first reservation makes the run's allotment, without periods and without limits. */
  readonly opens?: boolean;
}

/**
 * Two members of a WITH clause. `reserve` gives a row (`run_id`) when the run's own slice covers the attempt, and none when there is no valid slice
 * or it is too small; `reserve_entry` writes the ledger's row exactly then, so a second reservation of the same attempt fails on the primary key.
 * `when` is a condition more, such as `exists (select from fenced)`; it must be constant text.
 */
export function reserveFragment(reservation: Reservation, when: RawBuilder<unknown> = sql`true`): RawBuilder<unknown> {
  const { nanos, tokens } = reservation;
  return sql`
    reserve as (${
      reservation.opens
        ? openAndReserve(reservation, when)
        : sql`
      update allotments set reserved_nanos = reserved_nanos + coalesce(${nanos}::bigint, 0), reserved_tokens = reserved_tokens + ${tokens}::bigint,
        promised_until = null
      where run_id = ${reservation.runId} and ${covers(nanos, tokens)}
        and ${when}
      returning run_id`
    }
    ),
    reserve_entry as (
      insert into ledger (act_id, attempt, run_id, ticket_id, agent, labels, tier, model, priced_as, reserved_nanos, reserved_tokens, state)
      select ${reservation.actId}, ${reservation.attempt}::int, run_id, ${reservation.ticketId}, ${reservation.agent},
        ${JSON.stringify(reservation.labels)}::jsonb, ${reservation.tier}, ${reservation.model}, ${reservation.pricedAs},
        coalesce(${nanos}::bigint, 0), ${tokens}::bigint, 'reserved'
      from reserve
    )`;
}

/** An allotment that has periods, limits or an end is left as it is: its run asks the budgets again. */
function openAndReserve({ runId, nanos, tokens }: Reservation, when: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
      insert into allotments as a (run_id, periods, limited_nanos, limited_tokens, refuses_unpriced, reserved_nanos, reserved_tokens)
      select ${runId}::text, '{}', false, false, false, coalesce(${nanos}::bigint, 0), ${tokens}::bigint where ${when}
      on conflict (run_id) do update set reserved_nanos = a.reserved_nanos + excluded.reserved_nanos,
        reserved_tokens = a.reserved_tokens + excluded.reserved_tokens, promised_until = null
      where not a.closed and a.valid_until is null and a.periods = '{}' and not a.limited_nanos and not a.limited_tokens
      returning run_id`;
}

/** Whether an allotment is valid and has room for a call. Null nanos: the price is unknown. */
export function covers(nanos: number | null, tokens: number): RawBuilder<boolean> {
  return sql<boolean>`not closed and (valid_until is null or valid_until > loop_now())
        and (not limited_nanos or ${nanos}::bigint = 0 or (${nanos}::bigint is null and not refuses_unpriced)
          or granted_nanos - spent_nanos - reserved_nanos >= ${nanos}::bigint)
        and (not limited_tokens or ${tokens}::bigint = 0 or granted_tokens - spent_tokens - reserved_tokens >= ${tokens}::bigint)`;
}

/** Reserves from the run's own slice. False: no valid slice, or too small; `ensureAllotment` says why or makes it fit. */
export async function reserve(db: Db | Transaction, reservation: Reservation): Promise<boolean> {
  const { rows } = await sql`with ${reserveFragment(reservation)} select run_id from reserve`.execute(db);
  return rows.length === 1;
}
