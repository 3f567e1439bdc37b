import pg from "pg";
import type { Log } from "#src/kernel/log.ts";

export interface HeldLock {
  /** Aborted when the connection that holds the lock is gone: somebody else may hold it now. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/**
 * A session lock by name, on a connection of its own, so that it ends with the process however that ends. Undefined: somebody else holds it.
 * Never waits. Not for use behind a pooler that works by transaction: give it the direct URL.
 */
export async function tryLock(url: string, name: string, log: Log): Promise<HeldLock | undefined> {
  const client = new pg.Client({ connectionString: url, application_name: `loopwright lock ${name}`, keepAlive: true });
  const lost = new AbortController();
  client.on("error", (error) => {
    log.warn("the connection of a lock was lost", { lock: name, error });
    lost.abort();
  });
  await client.connect();
  const { rows } = await client.query<{ locked: boolean }>("select pg_try_advisory_lock(hashtextextended($1, 0)) as locked", [`loopwright.${name}`]);
  if (rows[0]!.locked) return { lost: lost.signal, release: () => client.end() };
  await client.end();
  return undefined;
}
