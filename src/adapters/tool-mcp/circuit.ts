const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
const FAILURES_TO_OPEN = 3;

/** Keeps a server that fails from being asked again and again. Its times are those of a steady clock. */
export interface Circuit {
  /** Why the server is not asked now, and for how long; null: it may be asked. */
  open(): { readonly why: string; readonly forMs: number } | null;
  /** Why it failed last, while nothing has worked since. */
  trouble(): string | null;
  failed(why: string): void;
  worked(): void;
}

/** Opens after three failures in a row, each further one for twice as long, up to five minutes. */
export function createCircuit(nowMs: () => number = () => performance.now()): Circuit {
  let failures = 0;
  let openUntilMs = 0;
  let reason: string | null = null;
  return {
    open() {
      const forMs = openUntilMs - nowMs();
      return forMs > 0 && reason !== null ? { why: reason, forMs } : null;
    },
    trouble: () => reason,
    failed(why) {
      failures += 1;
      reason = why;
      if (failures < FAILURES_TO_OPEN) return;
      openUntilMs = nowMs() + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - FAILURES_TO_OPEN));
    },
    worked() {
      failures = 0;
      reason = null;
      openUntilMs = 0;
    },
  };
}
