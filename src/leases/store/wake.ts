import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";

const WOKEN = sql`wake = wake + 1, due = case when holder is null and state in ('queued', 'running', 'waiting', 'quarantined') then loop_now() else due end`;

/**
 * Says that something these runs may see has changed. A run that nobody holds becomes due now; a held one is looked at again when it parks. Ended and
 * paused runs stay as they are. Call it first in a transaction that changes what one run sees, last in one that touches several.
 */
export async function wake(db: Db | Transaction, runIds: readonly RunId[]): Promise<void> {
  if (runIds.length === 0) return;
  if (runIds.length === 1) {
    await sql`update runs set ${WOKEN} where id = ${runIds[0]} and ended_at is null`.execute(db);
    return;
  }
  await sql`
    with k as materialized (select id as locked from runs where id = any(${runIds}) and ended_at is null order by id for no key update)
    update runs set ${WOKEN} from k where id = locked`.execute(db);
}
