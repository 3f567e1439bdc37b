import { LoopError } from "./errors.ts";

export interface Turns {
  /** Gives what gives the turn back. @throws LoopError tool_failed when the signal aborts before it is its turn */
  take(signal: AbortSignal): Promise<() => void>;
  taken(): number;
}

/** So many calls at once; the others wait in order. */
export function createTurns(most: number): Turns {
  let taken = 0;
  const waiting = new Set<() => void>();
  const callNext = (): void => {
    const [next] = waiting;
    if (next) waiting.delete(next);
    next?.();
  };
  const leave = (): void => {
    taken -= 1;
    callNext();
  };
  return {
    taken: () => taken,
    async take(signal) {
      while (taken >= most && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const goOn = (): void => resolve();
        signal.addEventListener("abort", goOn, { once: true });
        waiting.add(goOn);
        await promise;
        waiting.delete(goOn);
        signal.removeEventListener("abort", goOn);
      }
      if (signal.aborted) {
        if (taken < most) callNext(); // it may have been called and stopped at the same moment
        throw new LoopError("tool_failed", "The call was stopped before it was its turn. Nothing was done.");
      }
      taken += 1;
      return leave;
    },
  };
}
