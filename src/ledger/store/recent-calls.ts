import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** One call of a model: who it was for, what it took and how it ended. */
export interface RecentCall {
  readonly agent: string;
  /** Where the conversation is held; null: it is none. */
  readonly surface: string | null;
  readonly channel: string | null;
  /** Who brought the work. */
  readonly user: string | null;
  readonly task: string | null;
  readonly model: string;
  /** Null: it was never reserved, so nothing was asked of a provider. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** Null: unknown, or nothing was spent. */
  readonly costNanos: number | null;
  readonly state: "done" | "failed" | "denied";
  readonly code: string | null;
  readonly atMs: number;
}

/** Over all attempts of each. Ids are in order of time. */
export async function readRecentCalls(db: Db, { agents, limit }: { readonly agents: readonly string[]; readonly limit: number }): Promise<RecentCall[]> {
  const { rows } = await sql<RecentCall>`
    select r.agent, t.surface, t.channel, m.source as user, r.limits ->> 'task' as task, coalesce(l.model, a.name) as model, l.input_tokens as "inputTokens",
      l.output_tokens as "outputTokens", l.cost_nanos as "costNanos", a.state, a.error ->> 'code' as code,
      (extract(epoch from coalesce(a.ended_at, a.created_at)) * 1000)::float8 as "atMs"
    from acts a join runs r on r.id = a.run_id left join threads t on t.id = r.thread_id
      left join messages m on m.run_id = r.id and m.seq = 1
      left join lateral (
        select max(model) as model, sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
          case when bool_and(cost_nanos is not null) then sum(cost_nanos)::bigint end as cost_nanos
        from ledger where act_id = a.id having count(*) > 0) l on true
    where a.kind = 'model' and a.state in ('done', 'failed', 'denied') and r.agent = any(${agents}::text[])
    order by a.id desc limit ${limit}`.execute(db);
  return rows;
}
