import type { Db } from "#src/database/open.ts";
import type { Lease } from "./lease.ts";
import { park, parkSeveral } from "./store/park.ts";

/** Lets go of runs that have nothing to do now. */
export interface Parks {
  /** False when the lease was lost before. */
  park(lease: Lease): Promise<boolean>;
}

/**
 * Runs that were woken together and have nothing to do come here together: those of one turn of the event loop are let go in one statement. A run whose row
 * somebody has locked is left out of it and waits by itself, so that it holds up none of its mates.
 */
export function createParks(db: Db): Parks {
  let gathered: { readonly lease: Lease; readonly done: PromiseWithResolvers<boolean> }[] = [];
  const letGo = async (): Promise<void> => {
    const leaving = gathered;
    gathered = [];
    const parked =
      leaving.length > 1
        ? await parkSeveral(
            db,
            leaving.map(({ lease }) => lease),
          )
        : new Set<string>();
    for (const { lease, done } of leaving) done.resolve(parked.has(lease.runId) || park(db, lease));
  };
  return {
    park(lease) {
      const done = Promise.withResolvers<boolean>();
      gathered.push({ lease, done });
      if (gathered.length === 1) {
        const mates = gathered;
        setImmediate(() => void letGo().catch((error: unknown) => mates.forEach((mate) => mate.done.reject(error))));
      }
      return done.promise;
    },
  };
}
