import type { Clock } from "#src/kernel/clock.ts";

export interface HeldClock extends Clock {
  advance(ms: number): void;
}

/** A clock that stands still until told. */
export function heldClock(startMs: number = Date.UTC(2026, 0, 1)): HeldClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}
