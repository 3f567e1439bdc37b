import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type Reservation, reserve } from "./reserve.ts";

/**
 * Reserves first attempts of many calls in one commit, each from the slice of its holder: all of one holder or none of them. Gives the acts that are reserved;
 * for the others `ensureAllotment` says why, or makes them fit. Locks the allotments in the order of their ids.
 */
export async function reserveMany(db: Db, reservations: readonly Reservation[]): Promise<ReadonlySet<string>> {
  const [only, ...others] = reservations;
  if (only && others.length === 0) return new Set((await reserve(db, only)) ? [only.actId] : []); // the shorter statement
  const column = (name: keyof Reservation) => reservations.map((reservation) => reservation[name]);
  const { rows } = await sql<{ act_id: string }>`
    with given as materialized (
      select * from unnest(${column("actId")}::text[], ${column("runId")}::text[], ${column("agent")}::text[],
        ${reservations.map(({ labels }) => JSON.stringify(labels))}::text[], ${column("tier")}::text[], ${column("model")}::text[],
        ${column("pricedAs")}::text[], ${column("nanos")}::bigint[], ${column("tokens")}::bigint[])
        as g (act_id, run_id, agent, labels, tier, model, priced_as, nanos, tokens)
    ),
    total as materialized (
      select run_id, coalesce(sum(nanos), 0)::bigint as nanos, sum(tokens)::bigint as tokens, bool_or(nanos is null) as unpriced from given group by run_id
    ),
    seats as materialized (select run_id from allotments where run_id in (select run_id from total) order by run_id for no key update),
    reserve as (
      update allotments a set reserved_nanos = a.reserved_nanos + t.nanos, reserved_tokens = a.reserved_tokens + t.tokens, promised_until = null
      from total t join seats using (run_id)
      where a.run_id = t.run_id and not a.closed and (a.valid_until is null or a.valid_until > loop_now())
        and (not a.limited_nanos or (t.unpriced and not a.refuses_unpriced) or (not t.unpriced and t.nanos = 0)
          or (not t.unpriced and a.granted_nanos - a.spent_nanos - a.reserved_nanos >= t.nanos))
        and (not a.limited_tokens or a.granted_tokens - a.spent_tokens - a.reserved_tokens >= t.tokens)
      returning a.run_id
    ),
    reserve_entry as (
      insert into ledger (act_id, attempt, run_id, agent, labels, tier, model, priced_as, reserved_nanos, reserved_tokens, state)
      select act_id, 1, run_id, agent, labels::jsonb, tier, model, priced_as, coalesce(nanos, 0), tokens, 'reserved' from given join reserve using (run_id)
      returning act_id
    )
    select act_id from reserve_entry`.execute(db);
  return new Set(rows.map((row) => row.act_id));
}
