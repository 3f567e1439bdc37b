import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "../lease.ts";

/*
 * A park is committed without waiting for the disk: nothing is promised to anybody by it. If the database loses it in a crash, the run is held until its lease
 * runs out and is then looked at once more, which changes nothing; and whatever is committed after it (a wake, say) takes it along. A park is therefore a
 * statement of its own, never part of a transaction that has other things to say.
 */
const WITHOUT_WAITING = sql`set_config('synchronous_commit', 'off', true)`;

/** Lets go of a run that has nothing to do now. False when the lease was lost before. */
export async function park(db: Db, lease: Lease): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update runs
    set holder = null, tries = 0, state = 'waiting', due = case when wake > ${lease.wake} then loop_now() end
    where id = ${lease.runId} and fence = ${lease.fence} and holder is not null
    returning id, ${WITHOUT_WAITING}`.execute(db);
  return rows.length === 1;
}

/** The same for several runs, each once. Gives those that were let go: not those whose lease was lost, nor those whose row somebody has locked. Waits for nobody. */
export async function parkSeveral(db: Db, leases: readonly Lease[]): Promise<ReadonlySet<RunId>> {
  const column = (name: keyof Lease) => leases.map((lease) => lease[name]);
  const { rows } = await sql<{ id: RunId }>`
    with x as (select * from unnest(${column("runId")}::text[], ${column("fence")}::bigint[], ${column("wake")}::bigint[]) as x (id, fence, wake)),
    k as materialized (
      select r.id, x.fence, x.wake from runs r join x using (id)
      where r.fence = x.fence and r.holder is not null order by r.id for no key update of r skip locked
    )
    update runs r
    set holder = null, tries = 0, state = 'waiting', due = case when r.wake > k.wake then loop_now() end
    from k where r.id = k.id
    returning r.id, ${WITHOUT_WAITING}`.execute(db);
  return new Set(rows.map((row) => row.id));
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
