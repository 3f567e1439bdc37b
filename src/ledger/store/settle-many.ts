import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import { CHARGE_OF_LEDGER, type Settlement } from "./settle.ts";

export type LoneSettlement = Settlement & { readonly lost?: true };

/**
 * Settles first attempts of many calls, each once, with their events, in one commit. Gives the holders that have returned their slice already: call
 * `returnAllotment` for them, so that the charge reaches the budgets. Locks the ledger's rows and then the allotments, both by id.
 */
export async function settleMany(db: Db, settlements: readonly LoneSettlement[], events: readonly PreparedEvent[]): Promise<string[]> {
  const inOrder = settlements.toSorted((a, b) => (a.actId < b.actId ? -1 : 1));
  const column = (name: keyof Settlement) => inOrder.map((settlement) => settlement[name]);
  const tokens = (name: keyof Settlement["tokens"]) => inOrder.map((settlement) => settlement.tokens[name]);
  const { rows } = await sql<{ run_id: string }>`
    with given as materialized (
      select * from unnest(${column("actId")}::text[], ${column("costNanos")}::bigint[], ${column("listNanos")}::bigint[], ${column("model")}::text[],
        ${column("pricedAs")}::text[], ${tokens("input")}::bigint[], ${tokens("cached")}::bigint[], ${tokens("output")}::bigint[],
        ${tokens("reasoning")}::bigint[], ${column("source")}::text[], ${inOrder.map(({ lost }) => lost ?? false)}::boolean[])
        as g (id, cost, list, name, priced, input, cached, output, reasoning, said, lost)
    ),
    settle_entry as (
      update ledger set state = 'settled', settled_at = loop_now(), source = g.said,
        cost_nanos = case when g.lost then case when ledger.priced_as is not null then ledger.reserved_nanos end else g.cost end,
        list_nanos = case when g.lost then case when ledger.priced_as is not null then ledger.reserved_nanos end else g.list end,
        model = coalesce(g.name, ledger.model), priced_as = coalesce(g.priced, ledger.priced_as),
        input_tokens = g.input, cached_tokens = g.cached, output_tokens = g.output, reasoning_tokens = g.reasoning
      from given g where ledger.act_id = g.id and ledger.attempt = 1 and ledger.state = 'reserved'
      returning ledger.run_id, ledger.reserved_nanos, ledger.reserved_tokens, ${CHARGE_OF_LEDGER}
    ),
    total as materialized (
      select run_id, sum(reserved_nanos)::bigint as reserved_nanos, sum(reserved_tokens)::bigint as reserved_tokens, sum(charge_nanos)::bigint as charge_nanos,
        sum(charge_tokens)::bigint as charge_tokens, sum(unknown_calls)::bigint as unknown_calls
      from settle_entry group by run_id
    ),
    seats as materialized (select run_id from allotments where run_id in (select run_id from total) order by run_id for no key update),
    settle as (
      update allotments a set closed = false, reserved_nanos = a.reserved_nanos - t.reserved_nanos, reserved_tokens = a.reserved_tokens - t.reserved_tokens,
        spent_nanos = a.spent_nanos + t.charge_nanos, spent_tokens = a.spent_tokens + t.charge_tokens, unknown_calls = a.unknown_calls + t.unknown_calls
      from total t join seats using (run_id) where a.run_id = t.run_id
      returning a.run_id, a.valid_until is not distinct from '-infinity' as draining
    ),
    ${eventRows(events)}
    select run_id from settle where draining`.execute(db);
  return rows.map((row) => row.run_id);
}
