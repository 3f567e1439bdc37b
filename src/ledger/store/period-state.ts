import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { isoOf } from "./seat.ts";

/** A row of `budget_periods` with what open runs have spent and reserved and not yet moved there. */
export interface PeriodState {
  readonly id: string;
  readonly budget: string;
  readonly subject: string;
  readonly spentNanos: number;
  readonly spentTokens: number;
  readonly reservedNanos: number;
  readonly reservedTokens: number;
  readonly unknownCalls: number;
  /** Granted by people beyond the cap of the manifest. */
  readonly raisedNanos: number;
  readonly raisedTokens: number;
}

/** A slice that a call has asked for and not yet reserved counts as reserved. */
const STATE = sql`
  live as (
    select id, sum(spent_nanos)::bigint as spent_nanos, sum(spent_tokens)::bigint as spent_tokens, sum(case when promised then greatest(reserved_nanos, granted_nanos - spent_nanos) else reserved_nanos end)::bigint as reserved_nanos,
      sum(case when promised then greatest(reserved_tokens, granted_tokens - spent_tokens) else reserved_tokens end)::bigint as reserved_tokens, sum(unknown_calls)::bigint as unknown_calls
    from allotments cross join unnest(periods) as id cross join lateral (select coalesce(promised_until > loop_now(), false) as promised) p
    where not closed group by id
  ),
  state as (
    select p.id, p.budget, p.subject, p.starts_at, l.id is not null as live,
      p.spent_nanos + coalesce(l.spent_nanos, 0) as "spentNanos", p.spent_tokens + coalesce(l.spent_tokens, 0) as "spentTokens",
      coalesce(l.reserved_nanos, 0) as "reservedNanos", coalesce(l.reserved_tokens, 0) as "reservedTokens",
      p.unknown_calls + coalesce(l.unknown_calls, 0) as "unknownCalls", p.raised_nanos as "raisedNanos", p.raised_tokens as "raisedTokens"
    from budget_periods p left join live l using (id)
  )`;

const COLUMNS = sql`id, budget, subject, "spentNanos", "spentTokens", "reservedNanos", "reservedTokens", "unknownCalls", "raisedNanos", "raisedTokens"`;

export async function statesOf(db: Db | Transaction, periodIds: readonly string[]): Promise<PeriodState[]> {
  const { rows } = await sql<PeriodState>`with ${STATE} select ${COLUMNS} from state where id = any(${periodIds}::text[]) order by id`.execute(db);
  return rows;
}

/** True while a run that counts against this period has a call out that went out a short while ago, or is about to send one. What a crash left reserved for longer is no reason to wait. */
export async function hasCallsOut(db: Db | Transaction, periodId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (
      select from allotments a where not a.closed and a.periods @> array[${periodId}] and (
        a.promised_until > loop_now()
        or exists (select from ledger l where l.run_id = a.run_id and l.state = 'reserved' and l.at > loop_now() - interval '5 minutes'))
    ) as found`.execute(db);
  return rows[0]!.found;
}

/** Periods of a budget with that start. `liveOnly`: of the endless ones (a period per run or ticket), those that an open run counts against. */
export interface CurrentPeriod {
  readonly budget: string;
  readonly startsAtMs: number;
  readonly liveOnly: boolean;
}

/** All subjects of these budgets in the given periods that have a row. */
export async function currentStates(db: Db | Transaction, current: readonly CurrentPeriod[]): Promise<PeriodState[]> {
  const { rows } = await sql<PeriodState>`
    with ${STATE}
    select ${COLUMNS} from state join unnest(${current.map(({ budget }) => budget)}::text[], ${current.map(({ startsAtMs }) => isoOf(startsAtMs))}::timestamptz[],
      ${current.map(({ liveOnly }) => liveOnly)}::boolean[]) as c (budget, starts_at, live_only) using (budget, starts_at)
    where live or not live_only
    order by budget, subject`.execute(db);
  return rows;
}
