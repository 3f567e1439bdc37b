import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/**
 * Takes back what other runs hold of these periods and have neither spent nor reserved; their next call asks again. What was granted this moment for a
 * call that has yet to reserve stays: without that, many runs at one cap would take the last slice from each other for ever. Waits for nobody: a run that is
 * busy this instant, and one with a budget that someone else holds, keeps its slice. Gives the number of runs that gave something back.
 */
export async function reclaim(tx: Transaction, runId: string, periodIds: readonly string[]): Promise<number> {
  const { rows } = await sql<{ run_id: string }>`
    with idle as materialized (
      select run_id, periods, granted_nanos - spent_nanos - reserved_nanos as nanos, granted_tokens - spent_tokens - reserved_tokens as tokens
      from allotments
      where not closed and (promised_until is null or promised_until <= loop_now()) and run_id <> ${runId} and periods && ${periodIds}::text[]
        and (granted_nanos <> spent_nanos + reserved_nanos or granted_tokens <> spent_tokens + reserved_tokens)
      for no key update skip locked
    ),
    free as materialized (
      select id from budget_periods where id in (select unnest(periods) from idle) order by id for no key update skip locked
    ),
    givers as materialized (select * from idle where periods <@ array(select id from free)),
    given as (select id, sum(nanos) as nanos, sum(tokens) as tokens from givers cross join unnest(periods) as id group by id),
    taken_back as (
      update budget_periods p set granted_nanos = p.granted_nanos - g.nanos, granted_tokens = p.granted_tokens - g.tokens from given g where p.id = g.id
    )
    update allotments a set granted_nanos = a.granted_nanos - g.nanos, granted_tokens = a.granted_tokens - g.tokens
    from givers g where a.run_id = g.run_id
    returning a.run_id`.execute(tx);
  return rows.length;
}
