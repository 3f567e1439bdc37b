import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Log } from "#src/kernel/log.ts";
import type { Db } from "./open.ts";

const CHANNEL = "loopwright";
const COALESCE_MS = 20;
const RECONNECT_MS = 1_000;

/**
 * A hurry-up between processes: "something changed, look now". It carries nothing, may be lost, and is never sent inside a transaction that changes state
 * (NOTIFY takes one lock per database until commit). Whoever relies on it also looks by itself each second.
 */
export interface Notifier {
  /** Call after a commit. The first call notifies at once; those that follow within 20 ms are one notification more, at their end. */
  changed(): void;
  /** Called for changes of this process at once, and for those of others when they arrive. Gives the way to stop. */
  onChange(look: () => void): () => void;
  close(): Promise<void>;
}

/** What takes work in says afterwards that there is some. */
export const telling =
  <Given, Got>({ changed }: Notifier, take: (given: Given) => Promise<Got>) =>
  async (given: Given): Promise<Got> => {
    const got = await take(given);
    changed();
    return got;
  };

export function createNotifier({ db, url, log }: { db: Db; url: string; log: Log }): Notifier {
  const lookers = new Set<() => void>();
  const closing = new AbortController();
  const tellAll = (): void => lookers.forEach((look) => look());
  let resting: NodeJS.Timeout | undefined;
  let isChanged = false;
  const send = async (): Promise<void> => {
    isChanged = false;
    resting = setTimeout(rested, COALESCE_MS);
    await sql`select pg_notify(${CHANNEL}, '')`
      .execute(db)
      .catch((error: unknown) => log.debug("a notification was not sent; others look each second", { error }));
  };
  const rested = (): void => {
    resting = undefined;
    if (isChanged) void send();
  };
  const listening = listen({ url, log, tellAll, closing: closing.signal });
  return {
    changed() {
      tellAll();
      isChanged = true;
      if (resting === undefined) void send();
    },
    onChange(look) {
      lookers.add(look);
      return () => lookers.delete(look);
    },
    async close() {
      clearTimeout(resting);
      closing.abort();
      await listening;
    },
  };
}

interface Listening {
  readonly url: string;
  readonly log: Log;
  readonly tellAll: () => void;
  readonly closing: AbortSignal;
}

/** One connection for all listeners of the process, made again when it breaks. */
async function listen({ url, log, tellAll, closing }: Listening): Promise<void> {
  while (!closing.aborted) {
    const client = new pg.Client({ connectionString: url, application_name: "loopwright listen", keepAlive: true });
    const ended = new Promise<void>((resolve) => {
      client.once("error", () => resolve());
      client.once("end", () => resolve());
      closing.addEventListener("abort", () => resolve(), { once: true });
    });
    client.on("notification", tellAll);
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      tellAll(); // what was said while nobody listened
      await ended;
    } catch (error) {
      log.debug("listening failed; polling goes on", { error });
    }
    await client.end().catch(() => undefined);
    if (!closing.aborted) await sleep(RECONNECT_MS, undefined, { signal: closing }).catch(() => undefined);
  }
}
