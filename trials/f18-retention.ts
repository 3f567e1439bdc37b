import { join } from "node:path";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { erasePayloads } from "#src/journal/erase.ts";
import { append } from "#src/journal/store/append.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { type Case, judged, inTime } from "./harness/case.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";
import { openServer, type Server } from "./harness/server.ts";
import { ms, quantile } from "./harness/statistics.ts";

const BATCH = 5_000;
const LONGEST_LOCK_MS = 500;

/** A sealed history in which the payload of every second event has had its time. */
async function makeHistory(db: Db, events: number): Promise<void> {
  const expired = Date.now() - 86_400_000;
  for (let made = 0; made < events; made += BATCH) {
    await append(
      db,
      systemClock,
      Array.from({ length: Math.min(BATCH, events - made) }, (_, index) => ({
        kind: "trial.history",
        actor: "system",
        scope: `scope-${(made + index) % 1_000}`,
        payload: { index: made + index, text: "what a guest wrote, long ago, in a sentence of ordinary length" },
        ...(index % 2 === 0 ? { expiresAtMs: expired } : {}),
      })),
    );
  }
  await verifiedJournal(db); // seals it
  await sql`analyze`.execute(db);
}

const VERBS = ["GET /v1/tickets?limit=50", "GET /v1/asks", "GET /v1/journal?after=1000&limit=100", "POST /v1/tickets", "GET /v1/runs?limit=50"] as const;

/** Calls the verbs in four lanes until it is over; milliseconds of each call. */
async function callVerbs(server: Server, isOver: () => boolean): Promise<{ times: number[]; failed: number }> {
  const times: number[] = [];
  let failed = 0;
  let made = 0;
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const line = VERBS[(made += 1) % VERBS.length]!;
      const startMs = performance.now();
      const reply = await server.call(line, line.startsWith("POST") ? { body: { text: `while things are erased, ${made}` } } : {});
      times.push(performance.now() - startMs);
      if (reply === undefined || reply.status >= 300) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return { times, failed };
}

/** The longest that anybody waited for a lock, looked at every 20 ms. */
function watchLocks(db: Db): { stop(): Promise<number> } {
  let watching = true;
  const loop = (async () => {
    let longest = 0;
    while (watching) {
      const { rows } = await sql<{
        ms: number;
      }>`select coalesce(max(extract(epoch from clock_timestamp() - waitstart)) * 1000, 0)::float8 as ms from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`.execute(
        db,
      );
      longest = Math.max(longest, rows[0]!.ms);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return longest;
  })();
  return {
    stop() {
      watching = false;
      return loop;
    },
  };
}

export const retention: Case = {
  id: "F18",
  title: "retention erases half of a long history while the verbs are used: no lock is waited for longer than 500 ms, p99 within twice, the journal verifies",
  short: true,
  alone: true,
  limitMs: { short: 90_000, full: 600_000 },
  async run(world) {
    const database = await world.database();
    const { db } = database;
    const events = world.short ? 50_000 : 1_000_000;
    await makeHistory(db, events);
    const server = await openServer(world, { name: "server", home: join(world.folder, "home"), databaseUrl: database.url, env: { LOOP_ROLE: "api" } }); // no pulse: it would erase by itself, at once
    const warmUntilMs = performance.now() + 1_500;
    await callVerbs(server, () => performance.now() > warmUntilMs);
    const baselineUntilMs = performance.now() + (world.short ? 3_000 : 10_000);
    const before = await callVerbs(server, () => performance.now() > baselineUntilMs);
    const locks = watchLocks(db);
    let erased: number | undefined;
    const startMs = performance.now();
    const erasing = erasePayloads(db, systemClock, { expired: true }).then((count) => (erased = count));
    const during = await callVerbs(server, () => erased !== undefined);
    await erasing;
    const tookMs = performance.now() - startMs;
    const longest = await locks.stop();
    const journal = await verifiedJournal(db);
    const left = await countOf(db, "select count(*) as n from payloads where expires_at <= now() and erased_at is null");
    const [low, high] = [quantile(before.times, 0.99), quantile(during.times, 0.99)];
    return judged({
      reached: erased ?? 0,
      wanted: events / 2,
      figure: `${erased} of ${events} payloads erased in ${ms(tookMs)}; verbs p50 ${ms(quantile(before.times, 0.5))} → ${ms(quantile(during.times, 0.5))}, p99 ${ms(low)} → ${ms(high)} (${during.times.length} calls, ${during.failed} failed), longest wait for a lock ${ms(longest)}, ${journal.said}`,
      conditions: {
        "all erased": left === 0,
        "no lock beyond 500 ms": longest <= LONGEST_LOCK_MS,
        "p99 within 2 × and 10 ms": inTime(high <= 2 * low + 10),
        "none failed": during.failed === 0,
        "the journal verifies": journal.isSound,
      },
    });
  },
};
