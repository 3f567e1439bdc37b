import { type RawBuilder, sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import { LEDGER_LOCK_CLASS } from "./seat.ts";

/** Waits for the turn of the run's widest budget. */
export async function lockScopeOf(tx: Transaction, runId: string): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(${LEDGER_LOCK_CLASS}::int, hashtext(periods[1])) from allotments
    where run_id = ${runId} and not closed and periods <> '{}'`.execute(tx);
}

/**
 * Moves what the run spent to its periods and gives back what it neither spent nor reserved; an overrun is added to what was granted. With `final` the
 * allotment takes no reservation any more, and closes unless calls are still out. Safe to call twice. False: it was closed, or there is none.
 */
export async function giveBack(tx: Transaction, runId: string, final: boolean): Promise<boolean> {
  const { rows } = await sql<{ run_id: string }>`
    with mine as materialized (select * from allotments where run_id = ${runId} and not closed for no key update),
    locked as materialized (
      select id from budget_periods where id = any((select periods from mine)::text[]) order by id for no key update
    ),
    moved as (
      update budget_periods p set spent_nanos = p.spent_nanos + m.spent_nanos, spent_tokens = p.spent_tokens + m.spent_tokens,
        granted_nanos = p.granted_nanos - (m.granted_nanos - m.spent_nanos - m.reserved_nanos),
        granted_tokens = p.granted_tokens - (m.granted_tokens - m.spent_tokens - m.reserved_tokens),
        unknown_calls = p.unknown_calls + m.unknown_calls
      from mine m cross join locked k where p.id = k.id
    )
    update allotments a set granted_nanos = m.reserved_nanos, granted_tokens = m.reserved_tokens, spent_nanos = 0, spent_tokens = 0, unknown_calls = 0,
      valid_until = case when ${final}::boolean then '-infinity' else a.valid_until end,
      closed = (${final}::boolean or a.valid_until is not distinct from '-infinity') and m.reserved_nanos = 0 and m.reserved_tokens = 0
    from mine m where a.run_id = m.run_id
    returning a.run_id`.execute(tx);
  return rows.length === 1;
}

/**
 * A member of a WITH clause, `returned`: the same, for good, of an allotment that counts against no budget, so that no row is touched which two runs share. Where `when`
 * holds, which must be constant text.
 */
export function returnFreeFragment(runId: string, when: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    returned as (
      update allotments set granted_nanos = reserved_nanos, granted_tokens = reserved_tokens, spent_nanos = 0, spent_tokens = 0, unknown_calls = 0,
        valid_until = '-infinity', closed = reserved_nanos = 0 and reserved_tokens = 0
      where run_id = ${runId} and not closed and periods = '{}' and ${when}
    )`;
}
