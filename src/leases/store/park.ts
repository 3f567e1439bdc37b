import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Lease } from "../lease.ts";

/** Lets go of a run that has nothing to do now. False when the lease was lost before. */
export async function park(db: Db | Transaction, lease: Lease): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    with k as materialized (select id from runs where id = ${lease.runId} and fence = ${lease.fence} and holder is not null for no key update)
    update runs r
    set holder = null, tries = 0, state = 'waiting', due = case when r.wake > ${lease.wake} then loop_now() end
    from k where r.id = k.id
    returning r.id`.execute(db);
  return rows.length === 1;
}

/** Lets go of a run whose reconcile went wrong or was told to stop: due again after `pauseMs`. `counts: false` takes the try back. */
export async function abandon(db: Db, lease: Lease, how: { pauseMs: number; counts: boolean }): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update runs
    set holder = null, due = loop_now() + ${how.pauseMs} * interval '1 millisecond', tries = greatest(tries - ${how.counts ? 0 : 1}, 0)
    where id = ${lease.runId} and fence = ${lease.fence} and holder is not null
    returning id`.execute(db);
  return rows.length === 1;
}
