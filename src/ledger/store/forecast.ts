import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

export interface ForecastRow {
  readonly runs: number;
  readonly low: number | null;
  readonly median: number | null;
  readonly high: number | null;
}

/**
 * Cost in nanos of the latest finished runs that had a call with all of these labels (and of this agent, when given): the tenth, fiftieth and ninetieth
 * percentile. A run with a call of unknown cost says nothing about what such a run costs, so it is left out.
 */
export async function readForecast(db: Db | Transaction, similar: { labels: Readonly<Record<string, string>>; agent: string | null }): Promise<ForecastRow> {
  const { rows } = await sql<ForecastRow>`
    with alike as (
      select l.run_id, max(l.at) as at from ledger l join allotments a on a.run_id = l.run_id and a.valid_until = '-infinity'
      where l.at > loop_now() - interval '180 days' and l.labels @> ${JSON.stringify(similar.labels)}::jsonb
        and (${similar.agent}::text is null or l.agent = ${similar.agent}::text)
      group by l.run_id order by at desc limit 200
    ),
    costs as (
      select sum(l.cost_nanos) as nanos from alike join ledger l using (run_id)
      group by l.run_id having bool_and(l.state = 'settled' and l.cost_nanos is not null)
    )
    select count(*) as runs, percentile_disc(0.1) within group (order by nanos)::bigint as low,
      percentile_disc(0.5) within group (order by nanos)::bigint as median, percentile_disc(0.9) within group (order by nanos)::bigint as high
    from costs`.execute(db);
  return rows[0]!;
}
