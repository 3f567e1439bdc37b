import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Log } from "#src/kernel/log.ts";
import type { Home } from "./home.ts";
import { launchPostgres, type PostgresServer } from "./launch.ts";
import { type HeldLock, tryLock } from "./lock.ts";
import { type Database, isOutOfConnections } from "./open.ts";
import { isAlive } from "./postgres-liveness.ts";

const LOOK_EVERY_MS = 500;

export interface GuardOptions {
  readonly home: Home;
  readonly database: Database;
  readonly log: Log;
  readonly postgres: PostgresServer | undefined;
  /** Undefined: this process does not keep others out of the home. */
  readonly lock: HeldLock | undefined;
  /** Another server took the home while the database was away: this one must stop. */
  readonly onTaken: () => void;
}

/** It does not answer, or has no connection left. */
export type DatabaseTrouble = "away" | "full";

export interface Guard {
  /** What keeps this process from the database, as far as it knows. */
  trouble(): DatabaseTrouble | undefined;
  /** Releases the home and stops the Postgres that is ours. */
  stop(): Promise<void>;
}

/** Keeps the home's own Postgres running, whatever ends it, and the home ours: a lock that was lost with its connection is taken again. */
export function guardRecord(options: GuardOptions): Guard {
  const { home, database, log } = options;
  const { url } = database;
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
  let seen: DatabaseTrouble | undefined;
  const guarding = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await relaunch();
        await relock();
        if (!database.isReachable()) await sql`select 1`.execute(database.db);
        seen = undefined;
      } catch (error) {
        if (seen === undefined) log.error("the database is away; it is looked for each half second", { error });
        seen = isOutOfConnections(error) ? "full" : "away";
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    trouble: () => seen ?? (lock?.lost.aborted ? "away" : undefined),
    async stop() {
      stopping.abort();
      await guarding;
      await lock?.release().catch(() => undefined); // its connection may be gone already
      await postgres?.stop();
    },
  };
}

export const lockName = (home: Home): string => `home.${home.id}`;
