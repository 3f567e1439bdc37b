import { forgetAll } from "#src/brain/lessons.ts";
import type { Memory, MemoryId } from "#src/brain/memory.ts";
import { expiredMemories } from "#src/brain/store/memories.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import type { NewEvent } from "#src/journal/event.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { scrubMemory } from "../store/scrub-memory.ts";

interface Forgetting {
  /** A principal, an agent or the system. */
  readonly by: string;
  /** `asked`, `expired`, `superseded`, `not kept`. */
  readonly why: string;
  readonly insteadOf?: MemoryId;
}

/** Takes memories away, content and all; the journal keeps that they were there and who took them away. False where all are gone already. */
export async function forgetMemories(tx: Transaction, clock: Clock, given: Forgetting & { readonly memories: readonly Memory[] }): Promise<boolean> {
  const { memories, by, why } = given;
  const ids = memories.map(({ id }) => id);
  if (ids.length === 0 || (await forgetAll(tx, ids)) === 0) return false;
  failpoint("memory.deleted");
  for (const { id, source } of memories) await scrubMemory(tx, { id, actId: source.act, runId: source.run });
  failpoint("memory.scrubbed");
  await append(
    tx,
    clock,
    memories.map((memory) => memoryEvent("memory.forgotten", memory, { actor: by, why, ...(given.insteadOf === undefined ? {} : { by: given.insteadOf }) })),
  );
  return true;
}

/** What the journal says of a memory: never its words. */
export function memoryEvent(kind: string, memory: Memory, { actor, ...more }: { actor: string; [key: string]: string }): NewEvent {
  const { id, scope, agent, source } = memory;
  return {
    kind,
    actor,
    runId: source.run,
    ...(source.ticket ? { ticketId: source.ticket } : {}),
    payload: { memory: id, kind: memory.kind, scope: scope.kind, agent, ...more },
  };
}

/** Deletes what nobody may recall any more. Gives how many there were. */
export async function forgetExpiredMemories(db: Db, clock: Clock): Promise<number> {
  for (let gone = 0; ;) {
    const memories = await inTransaction(db, async (tx) => {
      const expired = await expiredMemories(tx);
      await forgetMemories(tx, clock, { memories: expired, by: "system", why: "expired" });
      return expired.length;
    });
    gone += memories;
    if (memories < 100) return gone;
  }
}
