import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { isId } from "#src/kernel/ids.ts";
import { append } from "./store/append.ts";
import { type Erasable, eraseBodies } from "./store/erase.ts";

const BATCH_PAYLOADS = 5_000;

/**
 * Takes away what events said; the events stay, marked erased, and the chain stays whole. Each batch journals `payload.erased` with its count in the same
 * transaction. Gives how many were erased: 0 when called again. The space, and copies in backups and exports, are not touched.
 */
export async function erasePayloads(db: Db, clock: Clock, what: Erasable & { readonly actor?: string }): Promise<number> {
  let erased = 0;
  for (;;) {
    const count = await inTransaction(db, async (tx) => {
      const inBatch = await eraseBodies(tx, what, BATCH_PAYLOADS);
      if (inBatch > 0) await append(tx, clock, [erasedEvent(what, inBatch)]);
      return inBatch;
    });
    erased += count;
    if (count < BATCH_PAYLOADS) return erased;
  }
}

/** In a scope of its own, so that erasing a scope twice does not take away the word that it was erased. */
function erasedEvent(what: Erasable & { readonly actor?: string }, count: number) {
  const event = { kind: "payload.erased", actor: what.actor ?? "system", scope: "journal" };
  if (!("scope" in what)) return { ...event, payload: { count, expired: true } };
  return { ...event, ...(isId("tkt", what.scope) ? { ticketId: what.scope } : {}), payload: { count, scope: what.scope } };
}
