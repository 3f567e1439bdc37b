import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { leftoverCalls, openAllotmentsBetween } from "#src/ledger/store/leftovers.ts";
import { lostAttempt, settle } from "#src/ledger/store/settle.ts";

const HOUR_MS = 3_600_000;
/** A process gives its holders up after an hour; what is older than this belongs to one that is gone. */
const HOLDER_GONE_MS = 2 * HOUR_MS;
const PREFIX = "gwy_";
const MOST = 500;

/** What a process with a gateway left when it died: calls that were reserved are taken to have cost that, and slices go back to the budgets. */
export async function sweepGateway(db: Db, clock: Clock): Promise<void> {
  for (const call of await leftoverCalls(db, { prefix: PREFIX, olderThanMs: HOUR_MS, limit: MOST })) await settle(db, lostAttempt(call, 1));
  const before = (clock.nowMs() - HOLDER_GONE_MS).toString(16).padStart(12, "0"); // ids begin with the time at which they were made
  for (const holder of await openAllotmentsBetween(db, PREFIX, `${PREFIX}${before}`)) await returnAllotment(db, holder);
}
