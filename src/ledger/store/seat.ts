import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { BudgetPeriod } from "../budgets.ts";
import { covers } from "./reserve.ts";

/** First key of our transaction-level advisory locks; the second is a hash of the widest budget period, which orders all who share it. */
export const LEDGER_LOCK_CLASS = 8_041;

export interface Seat {
  /** The database's time: slices are checked against it, so periods must be taken from it too. */
  readonly now: Date;
  /** The other columns are null when the run has no allotment. */
  readonly periods: readonly string[] | null;
  readonly limitedNanos: boolean | null;
  readonly limitedTokens: boolean | null;
  readonly refusesUnpriced: boolean | null;
  /** Whether the call fits as things are, whatever its budgets. */
  readonly covered: boolean | null;
}

/** What the run holds now. Locks nothing. */
export async function readSeat(db: Db | Transaction, runId: string, need: { nanos: number | null; tokens: number }): Promise<Seat> {
  const { rows } = await sql<Seat>`
    select loop_now() as now, periods, limited_nanos as "limitedNanos", limited_tokens as "limitedTokens", refuses_unpriced as "refusesUnpriced",
      ${covers(need.nanos, need.tokens)} as covered
    from (select) one left join allotments on run_id = ${runId}`.execute(db);
  return rows[0]!;
}

/** Makes the row of a period that nobody has counted against yet. */
export async function makePeriod(tx: Transaction, period: BudgetPeriod): Promise<void> {
  const { id, budget, subject, startsAtMs, endsAtMs, capNanos, capTokens } = period;
  await sql`
    insert into budget_periods (id, budget, subject, starts_at, ends_at, cap_nanos, cap_tokens)
    values (${id}, ${budget}, ${subject}, ${isoOf(startsAtMs)}::timestamptz, ${isoOf(endsAtMs)}::timestamptz, ${capNanos}::bigint, ${capTokens}::bigint)
    on conflict do nothing`.execute(tx);
}

/** Makes the rows that a grant needs: the periods, in one order for everybody, and an empty allotment. */
export async function makeRows(tx: Transaction, runId: string, periods: readonly BudgetPeriod[]): Promise<void> {
  const sorted = periods.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  await sql`
    with made as (
      insert into budget_periods (id, budget, subject, starts_at, ends_at, cap_nanos, cap_tokens)
      select id, budget, subject, starts_at, ends_at, cap_nanos, cap_tokens
      from unnest(${sorted.map(({ id }) => id)}::text[], ${sorted.map(({ budget }) => budget)}::text[], ${sorted.map(({ subject }) => subject)}::text[],
        ${sorted.map(({ startsAtMs }) => isoOf(startsAtMs))}::timestamptz[], ${sorted.map(({ endsAtMs }) => isoOf(endsAtMs))}::timestamptz[],
        ${sorted.map(({ capNanos }) => capNanos)}::bigint[], ${sorted.map(({ capTokens }) => capTokens)}::bigint[])
        with ordinality as p (id, budget, subject, starts_at, ends_at, cap_nanos, cap_tokens, position)
      order by position
      on conflict do nothing
    )
    insert into allotments (run_id, periods, limited_nanos, limited_tokens) values (${runId}, '{}', true, true) on conflict (run_id) do nothing`.execute(tx);
}

export const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Waits for its turn among all whose widest budget is this one. Held until the transaction ends. */
export async function lockScope(tx: Transaction, periodId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LEDGER_LOCK_CLASS}::int, hashtext(${periodId}))`.execute(tx);
}
