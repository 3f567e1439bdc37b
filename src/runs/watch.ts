import type { Db } from "#src/database/open.ts";
import type { RunEnd } from "./run.ts";
import { restingAmong } from "./store/turns.ts";

/** Tells many who wait for runs of this or another process, with one look at the database for all of them. */
export interface RunWatch {
  /** How a run stands that goes no further by itself; undefined when the time was over before, or the signal came. */
  rested(runId: string, until: Waiting): Promise<RunEnd | undefined>;
  /** The end of a run that this process moved, once it is on record: whoever waits for it need not look. */
  ended(end: RunEnd): void;
  /** This process moves the run no longer, whatever became of it. */
  released(runId: string): void;
}

interface Waiting {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** This process has just begun to move it, and says when it ends; until it lets go of it hints are for others. */
  readonly isHere?: boolean;
}

const POLL_MS = 250;

interface Entry {
  readonly runId: string;
  readonly settle: (end: RunEnd | undefined) => void;
  isHere: boolean;
}

/** One look at a time, for all who wait; what is asked for meanwhile is the next one. */
function lookerOf(db: Db, waiting: ReadonlySet<Entry>): (at: "hinted" | "all") => Promise<void> {
  let looking = false;
  let next: "hinted" | "all" | undefined;
  const lookAt = async (entries: readonly Entry[]): Promise<void> => {
    if (entries.length === 0) return;
    const resting = new Map((await restingAmong(db, [...new Set(entries.map(({ runId }) => runId))])).map((end) => [end.id as string, end]));
    for (const one of entries) if (resting.has(one.runId)) one.settle(resting.get(one.runId));
  };
  /** A hint says nothing of the runs that are here; a poll looks at all. */
  return async (at) => {
    next = at === "all" ? at : (next ?? at);
    if (looking) return;
    looking = true;
    try {
      while (next !== undefined && waiting.size > 0) {
        const all = next === "all";
        next = undefined;
        await lookAt([...waiting].filter(({ isHere }) => all || !isHere));
      }
    } catch {
      next = undefined; // the database is away; the next look is a poll away
    } finally {
      looking = false;
    }
  };
}

/** `onChange` is a hint; without one, and when it is lost, each quarter of a second is the truth. */
export function createRunWatch({ db, onChange }: { readonly db: Db; readonly onChange?: (look: () => void) => () => void }): RunWatch {
  const waiting = new Set<Entry>();
  let poll: NodeJS.Timeout | undefined;
  let unsubscribe: (() => void) | undefined;

  const look = lookerOf(db, waiting);
  const hinted = (): void => void look("hinted");
  const start = (): void => {
    unsubscribe ??= onChange?.(hinted);
    poll ??= setInterval(() => void look("all"), POLL_MS);
  };
  const stop = (): void => {
    unsubscribe?.();
    clearInterval(poll);
    unsubscribe = poll = undefined;
  };

  return {
    rested(runId, { timeoutMs, signal, isHere = false }) {
      const { promise, resolve } = Promise.withResolvers<RunEnd | undefined>();
      const entry: Entry = { runId, settle: resolve, isHere };
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      const onAbort = (): void => resolve(undefined);
      signal?.addEventListener("abort", onAbort, { once: true });
      waiting.add(entry);
      start();
      hinted();
      return promise.finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        waiting.delete(entry);
        if (waiting.size === 0) stop();
      });
    },
    ended(end) {
      for (const one of waiting) if (one.runId === end.id) one.settle(end);
    },
    released(runId) {
      let isWaitedFor = false;
      for (const one of waiting) if (one.runId === runId) isWaitedFor = !(one.isHere = false);
      if (isWaitedFor) hinted();
    },
  };
}
