import { setTimeout as sleep } from "node:timers/promises";
import { expireDueAsks } from "#src/asks/expire.ts";
import { type HeldLock, tryLock } from "#src/database/lock.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import { fireTimers } from "#src/leases/store/timers.ts";
import type { Judge } from "./judge/judge.ts";
import type { Sensors } from "./sensors/sensors.ts";
import { nextDue } from "./store/next-due.ts";
import { fireSchedules } from "./world/fire-schedules.ts";

export interface PulseOptions {
  readonly db: Db;
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Something became due. */
  readonly changed: () => void;
  /** Housekeeping, run each minute; one that fails is logged and tried again the next minute. */
  readonly chores: readonly Chore[];
  /** Looked at with each beat. */
  readonly sensors?: Pick<Sensors, "beat" | "rest">;
  /** Asked with each beat whether the judge inside is to be woken. */
  readonly judge?: Pick<Judge, "paced">;
}

export interface Chore {
  readonly name: string;
  run(): Promise<void>;
}

export interface Pulse {
  /** A timer may have been set that is due sooner than the pulse sleeps. */
  hint(): void;
  stop(): Promise<void>;
}

const LONGEST_SLEEP_MS = 1_000;
const CHORES_EVERY_MS = 60_000;

/** Timers, expiring asks and housekeeping. Of all processes with this role one is the pulse, by a lock that ends with it; the others stand by. */
export function startPulse(options: PulseOptions): Pulse {
  const stopping = new AbortController();
  let wakeUp = Promise.withResolvers<void>();
  const state = { choresDueMs: performance.now() };
  const beating = (async () => {
    let lock: HeldLock | undefined;
    while (!stopping.signal.aborted) {
      wakeUp = Promise.withResolvers<void>();
      let sleepMs = LONGEST_SLEEP_MS;
      try {
        if (lock?.lost.aborted) {
          lock = undefined;
          await options.sensors?.rest();
        }
        lock ??= await tryLock(options.url, "pulse", options.log);
        if (lock) sleepMs = await takeBeat(options, state);
      } catch (error) {
        options.log.warn("a beat failed; the next one tries again", { error });
      }
      await Promise.race([wakeUp.promise, sleep(Math.max(sleepMs, 1), undefined, { signal: stopping.signal }).catch(() => undefined)]);
    }
    await options.sensors?.rest();
    await lock?.release();
  })();
  return {
    hint: () => wakeUp.resolve(),
    async stop() {
      stopping.abort();
      wakeUp.resolve();
      await beating;
    },
  };
}

/** One look. Gives how long nothing will be due: 0 after something was, since there may be more. */
export async function takeBeat(options: Omit<PulseOptions, "url">, state: { choresDueMs: number }): Promise<number> {
  const { db, clock, log, sensors, judge } = options;
  const { timerInMs, askInMs, scheduleInMs } = await nextDue(db);
  const woken = isDue(timerInMs) ? await fireTimers(db) : [];
  const stepped = isDue(askInMs) ? await expireDueAsks(db, clock) : 0;
  const came = isDue(scheduleInMs) ? await fireSchedules(options) : 0;
  if (woken.length > 0 || stepped > 0 || came > 0) options.changed();
  await sensors?.beat().catch((error: unknown) => log.warn("the sensors could not be looked at; the next beat tries again", { error }));
  await judge?.paced().catch((error: unknown) => log.warn("the judge could not be looked after; the next beat tries again", { error }));
  if (performance.now() >= state.choresDueMs) {
    state.choresDueMs = performance.now() + CHORES_EVERY_MS; // a steady clock: one that is set back would keep them waiting
    await doChores(options);
  }
  return Math.max(0, Math.min(...[timerInMs, askInMs, scheduleInMs].map((inMs) => inMs ?? LONGEST_SLEEP_MS), LONGEST_SLEEP_MS));
}

const isDue = (inMs: number | null): boolean => inMs !== null && inMs <= 0;

async function doChores({ chores, log }: Pick<PulseOptions, "chores" | "log">): Promise<void> {
  for (const chore of chores) await chore.run().catch((error: unknown) => log.warn("a chore failed", { chore: chore.name, error }));
}
