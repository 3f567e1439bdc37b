import type { Db } from "#src/database/open.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Signer } from "./signing.ts";
import { BATCH_EVENTS, sealOnce, type Sealed } from "./seal.ts";
import { hasUnsealed } from "./store/seal.ts";

/** Polling is the truth; a hint only makes it sooner. */
const POLL_MS = 1_000;
/** After a batch, so that a busy system is sealed in batches and not once a commit. */
const REST_MS = 20;
/** While another process seals: it may die, and what it did not see is ours. */
const BUSY_MS = 100;
const FIRST_BACKOFF_MS = 500;
const LAST_BACKOFF_MS = 8_000;

export interface SealerOptions {
  readonly db: Db;
  readonly signer: Signer;
  readonly log: Log;
  /** Calls `wake` whenever something may have been appended, at any rate. Gives what ends it. */
  readonly hint?: (wake: () => void) => () => void;
  /** After each batch, with the last position: the moment to tell readers of the feed. Must not throw. */
  readonly onSealed?: (position: number) => void;
  readonly pollMs?: number;
}

export interface Sealer {
  /** Resolves when the batch at hand is done. Safe to call twice. */
  stop(): Promise<void>;
}

/** Seals at once on a hint, else each second, until stopped. Any number may run; one at a time seals. A failure is logged and tried again later. */
export function startSealer(options: SealerOptions): Sealer {
  const bell = createBell();
  const unsubscribe = options.hint?.(() => bell.ring());
  const ended = sealUntilStopped(options, bell);
  return {
    async stop() {
      unsubscribe?.();
      bell.stop();
      await ended;
    },
  };
}

async function sealUntilStopped(options: SealerOptions, bell: Bell): Promise<void> {
  let failures = 0;
  let isCalled = true;
  while (!bell.stopped()) {
    const outcome = await tryToSeal(options, { failures, isCalled });
    failures = outcome === "failed" ? failures + 1 : 0;
    if (outcome === "failed") await bell.rest(Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LAST_BACKOFF_MS));
    else if (outcome.busy) await bell.rest(BUSY_MS);
    else if (outcome.sealed < BATCH_EVENTS) {
      if (outcome.sealed > 0) await bell.rest(REST_MS);
      isCalled = await bell.heard(options.pollMs ?? POLL_MS);
    }
  }
}

interface Turn {
  readonly failures: number;
  /** False: nobody said that there is something to seal. */
  readonly isCalled: boolean;
}

const NOTHING = { sealed: 0, busy: false } as const;

async function tryToSeal({ db, signer, log, onSealed }: SealerOptions, { failures, isCalled }: Turn): Promise<Pick<Sealed, "sealed" | "busy"> | "failed"> {
  try {
    if (!isCalled && !(await hasUnsealed(db))) return NOTHING;
    const outcome = await sealOnce(db, signer);
    if (outcome.sealed > 0) onSealed?.(outcome.position);
    return outcome;
  } catch (error) {
    log.error("the journal could not be sealed; it is tried again", { error, failures: failures + 1 });
    return "failed";
  }
}

interface Bell {
  ring(): void;
  stop(): void;
  stopped(): boolean;
  /** Waits for a ring, one that came meanwhile included; at most so long. Whether one came. */
  heard(atMostMs: number): Promise<boolean>;
  /** Waits so long, whatever rings. Only a stop ends it. */
  rest(ms: number): Promise<void>;
}

function createBell(): Bell {
  let rung = false;
  let stopped = false;
  let endWait: { readonly onRing: boolean; readonly end: () => void } | undefined;
  const wait = async (ms: number, onRing: boolean): Promise<void> => {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = (): void => (clearTimeout(timer), resolve());
      endWait = { onRing, end };
    });
    endWait = undefined;
  };
  return {
    ring() {
      rung = true;
      if (endWait?.onRing) endWait.end();
    },
    stop() {
      stopped = true;
      endWait?.end();
    },
    stopped: () => stopped,
    async heard(atMostMs) {
      if (!rung && !stopped) await wait(atMostMs, true);
      const heard = rung;
      rung = false;
      return heard;
    },
    async rest(ms) {
      if (!stopped) await wait(ms, false);
    },
  };
}
