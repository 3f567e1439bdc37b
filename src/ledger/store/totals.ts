import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { isoOf } from "./seat.ts";

export interface TotalsQuery {
  readonly by: "all" | "label" | "ticket" | "run" | "agent" | "tier" | "model" | "day";
  /** The key for `label`, the zone for `day`, else empty. */
  readonly detail: string;
  readonly fromMs: number;
  /** Null: until now. */
  readonly toMs: number | null;
  readonly ticketId: string | null;
  readonly runId: string | null;
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** Sums over calls that have ended, by when they were reserved. Sums of money are of the known amounts; how many are unknown stands beside them. */
export interface CostTotals {
  /** Ended ones. */
  readonly calls: number;
  /** Reserved and still out; their reservations are in `reservedNanos` and in no other sum. */
  readonly openCalls: number;
  readonly reservedNanos: number;
  /** Cash. */
  readonly costNanos: number;
  readonly unknownCalls: number;
  readonly listNanos: number;
  readonly unlistedCalls: number;
  /** What measured calls cost beyond their reservation. */
  readonly overrunNanos: number;
  readonly estimatedCalls: number;
  readonly selfReportedCalls: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/** One row per key and tier; the key is null where the ledger has none (no ticket, no such label). */
export interface TotalsRow extends CostTotals {
  readonly key: string | null;
  readonly tier: string | null;
}

const KEY = sql`
  case q.by_what when 'label' then l.labels ->> q.detail when 'ticket' then l.ticket_id when 'run' then l.run_id when 'agent' then l.agent
    when 'tier' then l.tier when 'model' then l.model when 'day' then to_char(l.at at time zone q.detail, 'YYYY-MM-DD') end`;

export async function readTotals(db: Db | Transaction, query: TotalsQuery): Promise<TotalsRow[]> {
  const { rows } = await sql<TotalsRow>`
    with q as materialized (select ${query.by}::text as by_what, ${query.detail}::text as detail),
    l as (
      select * from ledger
      where at >= ${isoOf(query.fromMs)}::timestamptz and (${isoOf(query.toMs)}::timestamptz is null or at < ${isoOf(query.toMs)}::timestamptz)
        and (${query.ticketId}::text is null or ticket_id = ${query.ticketId}::text) and (${query.runId}::text is null or run_id = ${query.runId}::text)
        and (${query.agent}::text is null or agent = ${query.agent}::text) and labels @> ${JSON.stringify(query.labels)}::jsonb
    )
    select ${KEY} as key, l.tier,
      count(*) filter (where state = 'settled') as calls, count(*) filter (where state = 'reserved') as "openCalls",
      coalesce(sum(reserved_nanos) filter (where state = 'reserved'), 0)::bigint as "reservedNanos",
      coalesce(sum(cost_nanos), 0)::bigint as "costNanos", count(*) filter (where state = 'settled' and cost_nanos is null) as "unknownCalls",
      coalesce(sum(list_nanos), 0)::bigint as "listNanos", count(*) filter (where state = 'settled' and list_nanos is null) as "unlistedCalls",
      coalesce(sum(greatest(0, cost_nanos - reserved_nanos)) filter (where source = 'measured'), 0)::bigint as "overrunNanos",
      count(*) filter (where source = 'estimated') as "estimatedCalls", count(*) filter (where source = 'self-reported') as "selfReportedCalls",
      coalesce(sum(input_tokens), 0)::bigint as "inputTokens", coalesce(sum(cached_tokens), 0)::bigint as "cachedTokens",
      coalesce(sum(output_tokens), 0)::bigint as "outputTokens", coalesce(sum(reasoning_tokens), 0)::bigint as "reasoningTokens"
    from l cross join q
    group by 1, 2`.execute(db);
  return rows;
}

/** What the calls of one run came to, those of them that have ended. */
export async function totalsOfRun(
  db: Db | Transaction,
  runId: string,
): Promise<Pick<CostTotals, "calls" | "costNanos" | "listNanos" | "unknownCalls" | "estimatedCalls">> {
  const { rows } = await sql<CostTotals>`
    select count(*) as calls, coalesce(sum(cost_nanos), 0)::bigint as "costNanos", coalesce(sum(list_nanos), 0)::bigint as "listNanos",
      count(*) filter (where cost_nanos is null) as "unknownCalls", count(*) filter (where source = 'estimated') as "estimatedCalls"
    from ledger where run_id = ${runId} and state = 'settled'`.execute(db);
  return rows[0]!;
}
