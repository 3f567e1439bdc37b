import { sql } from "kysely";
import { inTransaction, type Db, type Transaction } from "#src/database/open.ts";
import type { Lease } from "#src/leases/lease.ts";

/** The lease is gone: somebody else moves the run now, or it was cancelled. Not an error; the reconcile just stops. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/**
 * One fenced move of several statements: the run's row is locked first and the move is lost with the lease. Recording a move sets the count of tries back.
 * @throws LeaseLost
 */
export async function fencedMove<T>(db: Db, lease: Lease, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ id: string }>`
      update runs set tries = 0 where id = ${lease.runId} and fence = ${lease.fence} and holder is not null returning id`.execute(tx);
    if (rows.length === 0) throw new LeaseLost(`the lease ${lease.fence} on ${lease.runId} is gone`);
    return work(tx);
  });
}
