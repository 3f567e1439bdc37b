import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "../lease.ts";

/** Keeps the leases for another while. Gives the ids that are still held; the others were lost, and nothing that they do may be recorded as a move. */
export async function renew(db: Db, leases: readonly Pick<Lease, "runId" | "fence">[], leaseMs: number): Promise<ReadonlySet<RunId>> {
  const ids = leases.map((lease) => lease.runId);
  const fences = leases.map((lease) => lease.fence);
  const { rows } = await sql<{ id: RunId }>`
    with k as materialized (select id from runs where id = any(${ids}) order by id for no key update)
    update runs r set due = loop_now() + ${leaseMs} * interval '1 millisecond'
    from k, unnest(${ids}::text[], ${fences}::bigint[]) as x (id, fence)
    where r.id = k.id and r.id = x.id and r.fence = x.fence and r.holder is not null
    returning r.id`.execute(db);
  return new Set(rows.map((row) => row.id));
}
