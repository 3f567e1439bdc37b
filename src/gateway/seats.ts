import type { Db } from "#src/database/open.ts";
import { canonicalJson } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { type Id, newId } from "#src/kernel/ids.ts";
import type { Log } from "#src/kernel/log.ts";
import { returnAllotment } from "#src/ledger/allot.ts";

/** Calls without a run hold their slice of the budgets together, one holder for each set of labels in each process. */
export interface Seats {
  holderOf(labels: Readonly<Record<string, string>>): Id<"gwy">;
  /** The holder takes no calls any more; the next one gets another. */
  leave(holder: string): void;
  /** Does this after what was asked for the same holder before. */
  inTurn<T>(holder: string, work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A holder is given up after this time, so that none grows old: what a dead process left is known by its age. */
const HOLDER_LIFE_MS = 3_600_000;
const MOST_HOLDERS = 1_000;

interface Seat {
  readonly id: Id<"gwy">;
  readonly madeAtMs: number;
}

export function createSeats({ db, clock, log }: { db: Db; clock: Clock; log: Log }): Seats {
  const seats = new Map<string, Seat>();
  const turns = new Map<string, Promise<unknown>>();
  const returning = new Set<Promise<void>>();
  const giveBack = (holder: string): void => {
    const work = returnAllotment(db, holder).catch((error: unknown) =>
      log.warn("a slice of the gateway was not returned; it is swept up later", { holder, error }),
    );
    returning.add(work);
    void work.finally(() => returning.delete(work));
  };
  const drop = (key: string, seat: Seat): void => {
    seats.delete(key);
    giveBack(seat.id);
  };
  return {
    holderOf(labels) {
      const key = canonicalJson(labels);
      const nowMs = clock.nowMs();
      const known = seats.get(key);
      if (known && nowMs - known.madeAtMs < HOLDER_LIFE_MS) return known.id;
      if (known) drop(key, known);
      const [oldest] = seats;
      if (oldest && seats.size >= MOST_HOLDERS) drop(...oldest);
      const made = { id: newId("gwy", nowMs), madeAtMs: nowMs };
      seats.set(key, made);
      return made.id;
    },
    leave(holder) {
      for (const [key, seat] of seats) if (seat.id === holder) seats.delete(key);
    },
    inTurn(holder, work) {
      const mine = (turns.get(holder) ?? Promise.resolve()).then(work);
      const ended = mine.catch(() => undefined);
      turns.set(holder, ended);
      void ended.then(() => turns.get(holder) === ended && turns.delete(holder));
      return mine;
    },
    async close() {
      for (const [key, seat] of seats) drop(key, seat);
      await Promise.all(returning);
    },
  };
}
