import { type RawBuilder, sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** What is to be erased: all of a scope, or everything whose time is over by the clock of the database. */
export type Erasable = { readonly scope: string } | { readonly expired: true };

/** Erases up to `limit` payloads; gives how many. Their events stay. */
export async function eraseBodies(tx: Transaction, what: Erasable, limit: number): Promise<number> {
  const { rows } = await sql<{ event_id: number }>`
    with k as materialized (
      select event_id from payloads where ${condition(what)} and erased_at is null order by event_id limit ${limit} for no key update
    )
    update payloads p set body = null, erased_at = loop_now() from k where p.event_id = k.event_id and p.erased_at is null
    returning p.event_id`.execute(tx);
  return rows.length;
}

function condition(what: Erasable): RawBuilder<unknown> {
  if ("scope" in what) return sql`scope = ${what.scope}`;
  return sql`expires_at <= loop_now()`;
}
