import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { UsageGroup, UsageRow } from "../usage.ts";
import { isoOf } from "./seat.ts";

/** Ended calls of models per group, the most calls first. An attempt failed when another came after it, or its act failed. */
export async function readUsage(db: Db, { by, fromMs, toMs }: { by: UsageGroup; fromMs: number; toMs: number | null }): Promise<UsageRow[]> {
  const { rows } = await sql<UsageRow>`
    with q as materialized (select ${by}::text as by_what),
    l as (
      select l.*, case when l.source = 'measured' then extract(epoch from l.settled_at - l.at) * 1000 end as took_ms,
        coalesce(l.attempt < a.attempts or a.state = 'failed', false) as failed, r.thread_id
      from ledger l left join acts a on a.id = l.act_id left join runs r on r.id = l.run_id
      where l.state = 'settled' and l.at >= ${isoOf(fromMs)}::timestamptz and (${isoOf(toMs)}::timestamptz is null or l.at < ${isoOf(toMs)}::timestamptz)
    )
    select case q.by_what when 'agent' then l.agent when 'model' then l.model when 'service' then l.labels ->> 'service' when 'session' then l.thread_id
        when 'purpose' then l.labels ->> 'purpose' when 'run' then l.run_id end as key,
      count(*) as calls, count(*) filter (where failed) as failed,
      coalesce(sum(input_tokens), 0)::bigint as "inputTokens", coalesce(sum(cached_tokens), 0)::bigint as "cachedTokens",
      coalesce(sum(output_tokens), 0)::bigint as "outputTokens", coalesce(sum(reasoning_tokens), 0)::bigint as "reasoningTokens",
      coalesce(sum(cost_nanos), 0)::bigint as "costNanos", count(*) filter (where cost_nanos is null) as "unknownCalls",
      avg(took_ms)::float8 as "meanMs", percentile_cont(0.95) within group (order by took_ms)::float8 as "p95Ms",
      percentile_cont(0.99) within group (order by took_ms)::float8 as "p99Ms"
    from l cross join q group by 1 order by 2 desc, 1 limit 1000`.execute(db);
  return rows;
}
