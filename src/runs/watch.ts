import type { Db } from "#src/database/open.ts";
import type { RunStatus } from "./run.ts";
import { restingAmong } from "./store/turns.ts";

/** Tells many who wait for runs of this or another process, with one look at the database for all of them. */
export interface RunWatch {
  /** The state of a run that goes no further by itself; undefined when the time was over before, or the signal came. */
  rested(runId: string, until: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }): Promise<RunStatus | undefined>;
}

const POLL_MS = 250;

interface Waiting {
  readonly runId: string;
  readonly settle: (state: RunStatus | undefined) => void;
}

/** `onChange` is a hint; without one, and when it is lost, each quarter of a second is the truth. */
export function createRunWatch({ db, onChange }: { readonly db: Db; readonly onChange?: (look: () => void) => () => void }): RunWatch {
  const waiting = new Set<Waiting>();
  let looking = false;
  let again = false;
  let poll: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  const look = async (): Promise<void> => {
    again = true;
    if (looking) return;
    looking = true;
    try {
      while (again && waiting.size > 0) {
        again = false;
        const resting = new Map((await restingAmong(db, [...new Set([...waiting].map(({ runId }) => runId))])).map(({ id, state }) => [id, state]));
        for (const one of waiting) if (resting.has(one.runId)) one.settle(resting.get(one.runId));
      }
    } catch {
      again = false; // the database is away; the next look is a poll away
    } finally {
      looking = false;
    }
  };
  const start = (): void => {
    unsubscribe ??= onChange?.(() => void look());
    poll ??= setInterval(() => void look(), POLL_MS);
  };
  const stop = (): void => {
    unsubscribe?.();
    clearInterval(poll);
    unsubscribe = poll = undefined;
  };

  return {
    rested(runId, { timeoutMs, signal }) {
      const { promise, resolve } = Promise.withResolvers<RunStatus | undefined>();
      const entry: Waiting = { runId, settle: resolve };
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      const onAbort = (): void => resolve(undefined);
      signal?.addEventListener("abort", onAbort, { once: true });
      waiting.add(entry);
      start();
      void look();
      return promise.finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        waiting.delete(entry);
        if (waiting.size === 0) stop();
      });
    },
  };
}
