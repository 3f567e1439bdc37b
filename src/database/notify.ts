import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Log } from "#src/kernel/log.ts";
import type { Db } from "./open.ts";

const CHANNEL = "loopwright";
const COALESCE_MS = 20;
const RECONNECT_MS = 1_000;

/** work: somebody may have something to do now. record: nobody has, but whoever reads the record may want to look. */
export type Change = "work" | "record";

/**
 * A hurry-up between processes: "something changed, look now". It may be lost, and is never sent inside a transaction that changes state
 * (NOTIFY takes one lock per database until commit). Whoever relies on it also looks by itself each second.
 */
export interface Notifier {
  /** Call after a commit. The first call notifies at once; those that follow within 20 ms are one notification more, at their end. */
  changed(what?: Change): void;
  /**
   * Called for changes of this process at once, and for those of others when they arrive; `record`: for those too that leave nothing to do. Gives the way to
   * stop.
   */
  onChange(look: () => void, what?: Change): () => void;
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
  const lookers = new Map<() => void, Change>();
  const closing = new AbortController();
  const own = randomUUID();
  const tell = (what: Change): void => lookers.forEach((wanted, look) => (what === "work" || wanted === "record") && look());
  const heard = (payload: string): void => {
    const [sender, what] = payload.split(" ");
    if (sender !== own) tell(what === "record" ? "record" : "work"); // its own lookers were told before it was sent
  };
  let resting: NodeJS.Timeout | undefined;
  let unsent: Change | undefined;
  const send = async (): Promise<void> => {
    const payload = `${own} ${unsent}`;
    unsent = undefined;
    resting = setTimeout(rested, COALESCE_MS);
    await sql`select pg_notify(${CHANNEL}, ${payload})`
      .execute(db)
      .catch((error: unknown) => log.debug("a notification was not sent; others look each second", { error }));
  };
  const rested = (): void => {
    resting = undefined;
    if (unsent !== undefined) void send();
  };
  const listening = listen({ url, log, heard, closing: closing.signal });
  return {
    changed(what = "work") {
      tell(what);
      unsent = what === "work" ? what : (unsent ?? what);
      if (resting === undefined) void send();
    },
    onChange(look, what = "work") {
      const listed = (): void => look();
      lookers.set(listed, what);
      return () => lookers.delete(listed);
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
  readonly heard: (payload: string) => void;
  readonly closing: AbortSignal;
}

/** One connection for all listeners of the process, made again when it breaks. */
async function listen({ url, log, heard, closing }: Listening): Promise<void> {
  while (!closing.aborted) {
    const client = new pg.Client({ connectionString: url, application_name: "loopwright listen", keepAlive: true });
    const ended = new Promise<void>((resolve) => {
      client.once("error", () => resolve());
      client.once("end", () => resolve());
      closing.addEventListener("abort", () => resolve(), { once: true });
    });
    client.on("notification", ({ payload = "" }) => heard(payload));
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      heard(""); // what was said while nobody listened
      await ended;
    } catch (error) {
      log.debug("listening failed; polling goes on", { error });
    }
    await client.end().catch(() => undefined);
    if (!closing.aborted) await sleep(RECONNECT_MS, undefined, { signal: closing }).catch(() => undefined);
  }
}
