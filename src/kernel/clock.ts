/** The time of this process. Order is never taken from it: the journal has positions, leases use the database clock. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
