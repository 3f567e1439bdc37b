import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#src/kernel/log.ts";
import type { Home } from "./home.ts";
import { launchPostgres, type PostgresServer } from "./launch.ts";
import { type HeldLock, tryLock } from "./lock.ts";
import { isAlive } from "./postgres-liveness.ts";

const LOOK_EVERY_MS = 500;

export interface GuardOptions {
  readonly home: Home;
  readonly url: string;
  readonly log: Log;
  readonly postgres: PostgresServer | undefined;
  /** Undefined: this process does not keep others out of the home. */
  readonly lock: HeldLock | undefined;
  /** Another server took the home while the database was away: this one must stop. */
  readonly onTaken: () => void;
}

export interface Guard {
  /** False while the database is known to be away. */
  isUp(): boolean;
  /** Releases the home and stops the Postgres that is ours. */
  stop(): Promise<void>;
}

/** Keeps the home's own Postgres running, whatever ends it, and the home ours: a lock that was lost with its connection is taken again. */
export function guardRecord(options: GuardOptions): Guard {
  const { home, url, log } = options;
  const stopping = new AbortController();
  let { postgres, lock } = options;
  const relaunch = async (): Promise<void> => {
    if (!postgres || (await isAlive(postgres.processId))) return;
    log.error("the database ended; it is started again", { processId: postgres.processId });
    postgres = await launchPostgres({ folder: home.postgres, log });
    if (postgres.url !== url) log.error("the database came back at another port; restart this server", {});
  };
  const relock = async (): Promise<void> => {
    if (!lock?.lost.aborted) return;
    const again = await tryLock(url, lockName(home), log);
    if (again) lock = again;
    else options.onTaken();
  };
  let up = true;
  const guarding = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await relaunch();
        await relock();
        up = true;
      } catch (error) {
        if (up) log.error("the database is away; it is looked for each half second", { error });
        up = false;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    isUp: () => up && !(lock?.lost.aborted ?? false),
    async stop() {
      stopping.abort();
      await guarding;
      await lock?.release().catch(() => undefined); // its connection may be gone already
      await postgres?.stop();
    },
  };
}

export const lockName = (home: Home): string => `home.${home.id}`;
