import type { Claimed } from "./reconcile.ts";
import type { Holder } from "./store/write.ts";

/** A place that is kept for one run, until it is taken or left. */
export interface Seat extends Holder {
  /** The run is on record, held by `holder` from no earlier than the seat was asked for: moves it. */
  take(made: Claimed): void;
  /** Gives the place back if it was not taken. */
  leave(): void;
}

export interface Seats {
  /** Places that nobody has and none is kept for. */
  free(): number;
  /** Undefined: none is free, or no new work is taken. */
  seat(): Seat | undefined;
}

interface Room {
  /** Places where no run is. */
  readonly free: () => number;
  readonly mayTake: () => boolean;
  readonly take: (made: Claimed & { readonly isNew: true }, heldSinceMs: number) => void;
  /** A place was given back. */
  readonly left: () => void;
}

/** Places for runs that are about to be made: a run that is made held needs no claim. */
export function createSeats({ holder, leaseMs }: Holder, { free, mayTake, take, left }: Room): Seats {
  let kept = 0;
  const notKept = (): number => free() - kept;
  return {
    free: notKept,
    seat() {
      if (notKept() <= 0 || !mayTake()) return undefined;
      const keptMs = performance.now();
      kept += 1;
      let giveUp = (): void => {
        kept -= 1;
        giveUp = () => undefined;
      };
      return {
        holder,
        leaseMs,
        take(made) {
          giveUp();
          take({ ...made, isNew: true }, keptMs);
        },
        leave() {
          giveUp();
          left();
        },
      };
    },
  };
}
