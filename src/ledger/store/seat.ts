import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { BudgetPeriod } from "../budgets.ts";

/** First key of our transaction-level advisory locks; the second is a hash of the widest budget period, which orders all who share it. */
export const LEDGER_LOCK_CLASS = 8_041;

/** The database's time: a slice is checked against it, so the periods must be taken from it too. */
export async function databaseNowMs(tx: Transaction): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select loop_now() as now`.execute(tx);
  return rows[0]!.now.getTime();
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
