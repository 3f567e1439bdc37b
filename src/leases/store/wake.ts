import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";

/**
 * Says that something these runs may see has changed. A run that nobody holds becomes due now; a held one is looked at again when it parks. Ended and
 * paused runs stay as they are. Call it first in a transaction that changes what one run sees, last in one that touches several.
 */
export async function wake(db: Db | Transaction, runIds: readonly RunId[]): Promise<void> {
  if (runIds.length === 0) return;
  await sql`
    with k as materialized (select id from runs where id = any(${runIds}) and ended_at is null order by id for no key update)
    update runs r
    set wake = r.wake + 1, due = case when r.holder is null and r.state in ('queued', 'running', 'waiting', 'quarantined') then loop_now() else r.due end
    from k where r.id = k.id`.execute(db);
}
