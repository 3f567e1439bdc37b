import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { createNotifier, type Notifier } from "#src/database/notify.ts";
import { type Db, openDatabase } from "#src/database/open.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { startSealer } from "#src/journal/sealer.ts";
import { append } from "#src/journal/store/append.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import type { Child } from "../trials/harness/child.ts";
import type { TrialDatabase } from "../trials/harness/cluster.ts";
import { until } from "../trials/harness/wait.ts";
import { bounded, boundedMedian, boundedQuantile, compare, type Line, steadily } from "./measure.ts";
import { summaryOf } from "./statistics.ts";
import type { World } from "./world.ts";

const WRITERS = 32;
const APPENDS_A_WRITER = 100;
const STEADY_EVERY_MS = 3;
const KILL_EVERY_MS = 2_000;
const EVENTS_OF_A_STATEMENT = 1_000;

/** BENCH 14: how fast events are appended and sealed by 32 writers, how long an event waits for its seal, steadily and with sealers that are killed, and how fast all is verified. */
export async function journal(world: World, rounds: number): Promise<Line[]> {
  const database = await world.fresh(WRITERS + 8);
  const { db } = database;
  await registerKey(db, { ...world.signer, host: "bench" });
  const notifier = createNotifier({ db, url: database.url, log: silentLog });
  const probe = () => world.insertOnce(20);
  const steadyMs = world.short ? 5_000 : 20_000;
  const sealer = startSealer({ db, signer: world.signer, log: silentLog, hint: notifier.onChange });
  const one = await appending(world, { db, notifier, rounds, events: 1 });
  const two = await appending(world, { db, notifier, rounds, events: 2 });
  const sealed = await steadily(probe, async () => {
    const waited = await sealingTimes(database, { notifier, forMs: steadyMs });
    return [
      boundedQuantile("journal, sealed, p99", {
        samples: waited,
        q: 0.99,
        unit: "ms",
        goal: { at: "most", value: 250 },
        more: { appendsASecond: 1_000 / STEADY_EVERY_MS },
      }),
    ];
  });
  await sealer.stop();
  const killed = await steadily(probe, async () => [await withKills(world, { database, notifier, forMs: world.short ? 7_000 : 20_000 })]);
  await notifier.close();
  const verified = await steadily(probe, async () => [await verifying(world, db)]);
  await database.close();
  return [one, two, ...sealed, ...killed, ...verified];
}

const event = (index: number) => ({ kind: "bench.happened", actor: "system", payload: { index, text: "something happened, as it does all day long" } });

function appending(world: World, { db, notifier, rounds, events }: { db: Db; notifier: Notifier; rounds: number; events: number }): Promise<Line> {
  const made = Array.from({ length: events }, (_, index) => event(index));
  return compare({
    name: `journal, append ${events} a commit`,
    unit: "/s",
    rounds,
    goal: { at: "least", value: 0.5 },
    async ours() {
      const startMs = performance.now();
      const writer = async (): Promise<void> => {
        for (let count = 0; count < APPENDS_A_WRITER; count += 1) {
          await append(db, systemClock, made);
          notifier.changed();
        }
      };
      await Promise.all(Array.from({ length: WRITERS }, writer));
      const rate = ((WRITERS * APPENDS_A_WRITER * events) / (performance.now() - startMs)) * 1_000;
      await until(async () => (await unsealed(db)) === 0, { limitMs: 30_000, everyMs: 20 }); // the reference is measured without a sealer at work
      return rate;
    },
    reference: () => world.insertRate(WRITERS, WRITERS * APPENDS_A_WRITER),
  });
}

async function positionOf(db: Db): Promise<number> {
  const { rows } = await sql<{ position: number }>`select position from journal_head`.execute(db);
  return rows[0]!.position;
}

async function unsealed(db: Db): Promise<number> {
  const { rows } = await sql<{ left: number }>`select count(*) as left from events where position is null`.execute(db);
  return rows[0]!.left;
}

/** Appends at random times whatever became of those before; gives for each event how long it was on record without a seal. */
async function sealingTimes({ db, url }: TrialDatabase, { notifier, forMs }: { notifier: Notifier; forMs: number }): Promise<number[]> {
  const watch = openDatabase({ url, poolSize: 1, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
  const seen: { position: number; atMs: number }[] = [];
  const committed = new Map<number, number>();
  let watching = true;
  const watcher = (async () => {
    while (watching) {
      const position = await positionOf(watch.db);
      if (position !== seen.at(-1)?.position) seen.push({ position, atMs: performance.now() });
      await sleep(4);
    }
  })();
  const appends: Promise<unknown>[] = [];
  const endMs = performance.now() + forMs;
  for (let index = 0; performance.now() < endMs; index += 1) {
    await sleep(-Math.log(1 - Math.random()) * STEADY_EVERY_MS);
    const appended = append(db, systemClock, [event(index)]).then(([id]) => {
      committed.set(id!, performance.now());
      notifier.changed();
    });
    appends.push(appended);
  }
  await Promise.all(appends);
  await until(async () => (await unsealed(db)) === 0, { limitMs: 30_000, everyMs: 20 });
  await sleep(20);
  watching = false;
  await watcher;
  await watch.close();
  const { rows } = await sql<{
    id: number;
    position: number;
  }>`select id, position from events where id = any(${[...committed.keys()]}::bigint[]) order by position`.execute(db);
  let at = 0;
  return rows.map(({ id, position }) => {
    while (seen[at]!.position < position) at += 1;
    return Math.max(0, seen[at]!.atMs - committed.get(id)!);
  });
}

/** Two sealers, of which now and then one is killed and started anew. */
async function withKills(world: World, { database, notifier, forMs }: { database: TrialDatabase; notifier: Notifier; forMs: number }): Promise<Line> {
  const keys = await world.empty("keys");
  const start = async (name: string): Promise<Child> => {
    const child = world.start({ name, script: new URL("./sealer-child.ts", import.meta.url), args: [database.url, keys] });
    await child.heard("ready");
    return child;
  };
  const children = [await start("sealer-a"), await start("sealer-b")];
  let kills = 0;
  let killing = true;
  const killer = (async () => {
    while (killing) {
      await sleep(KILL_EVERY_MS);
      const which = kills % 2;
      await children[which]!.kill();
      kills += 1;
      children[which] = await start(`sealer-${kills}`);
    }
  })();
  const waited = await sealingTimes(database, { notifier, forMs });
  killing = false;
  await killer;
  await Promise.all(children.map((child) => child.stop()));
  const summary = summaryOf(waited);
  return bounded("journal, sealed, kills, max", { value: summary.max, unit: "ms", goal: { at: "most", value: 1_000 }, more: { ...summary, kills } });
}

/** The whole journal, filled up with events first where it is short. */
async function verifying(world: World, db: Db): Promise<Line> {
  const wanted = world.short ? 50_000 : 200_000;
  for (let have = await positionOf(db); have < wanted; have += EVENTS_OF_A_STATEMENT) {
    await append(
      db,
      systemClock,
      Array.from({ length: EVENTS_OF_A_STATEMENT }, (_, index) => event(index)),
    );
  }
  for (let sealed = Number.POSITIVE_INFINITY; sealed > 0;) ({ sealed } = await sealOnce(db, world.signer));
  const rates: number[] = [];
  let events = 0;
  for (let round = 0; round < (world.short ? 3 : 7); round += 1) {
    const startMs = performance.now();
    const verified = await verifyJournal(db);
    if (verified.kind !== "verified") throw new Error(`the journal is broken at ${verified.position}: ${verified.what}`);
    ({ events } = verified);
    rates.push((events / (performance.now() - startMs)) * 1_000);
  }
  return boundedMedian("journal, verify", { samples: rates, unit: "/s", goal: { at: "least", value: 100_000 }, more: { events } });
}
