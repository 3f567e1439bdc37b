import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type Case, judged, within } from "./harness/case.ts";
import { readEffects } from "./harness/effects.ts";
import { account, stepsIn, told } from "./harness/oracle.ts";
import { openProxy } from "./harness/proxy.ts";
import { ms } from "./harness/statistics.ts";
import { openStorm, type Storm, stormScripts } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";

const LEASE_MS = 10_000;

/** Milliseconds until every run that this engine held is held by another or has ended. */
async function untilTaken(db: Db, holder: string): Promise<number> {
  const { rows } = await sql<{ id: string; fence: number }>`select id, fence from runs where holder = ${holder} and ended_at is null`.execute(db);
  const startMs = performance.now();
  await until(
    async () => {
      const { rows: left } = await sql<{ id: string }>`
        select r.id from runs r join unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.fence)}::bigint[]) as was (id, fence) using (id)
        where r.fence = was.fence and r.ended_at is null`.execute(db);
      return left.length === 0;
    },
    { limitMs: 30_000, everyMs: 50 },
  );
  return performance.now() - startMs;
}

/** Runs that this engine holds, and those of them that are in the middle of an act. */
async function held(db: Db, holder: string): Promise<{ runs: number; inAct: number }> {
  const { rows } = await sql<{ runs: number; inAct: number }>`
    select count(*) as runs, count(*) filter (where exists (select from acts a where a.run_id = r.id and a.state = 'started' and a.kind = 'tool')) as "inAct"
    from runs r where holder = ${holder} and ended_at is null`.execute(db);
  return rows[0]!;
}

/** Both engines are in the middle of things, and this one has a good number of acts under way. */
const isBusy = async (storm: Storm, holder: string, inAct = 6): Promise<boolean> =>
  readEffects(storm.effects).filter((line) => line.by === holder).length >= 60 && (await held(storm.database.db, holder)).inAct >= inAct;

/** Findable acts of runs that this engine holds whose intent is on record and whose effect has not happened. */
async function unperformed(storm: Storm, holder: string): Promise<number> {
  const { rows } = await sql<{ key: string }>`
    select a.key from acts a join runs r on r.id = a.run_id where r.holder = ${holder} and a.state = 'started' and a.effect = 'findable'`.execute(
    storm.database.db,
  );
  const happened = new Set(readEffects(storm.effects).map((line) => line.key));
  return rows.filter((row) => !happened.has(row.key)).length;
}

/** Every run has a long act somewhere, so that many are held at any time, and a wait for a timer, so that the pulse is needed too. */
function scripts(): string[] {
  return stormScripts({ runs: 50, steps: 8 }).map((script, index) => `${script} slow:400 later:1500:f${index} slow:300 findable findable`);
}

export const failover: Case[] = [
  {
    id: "failover-kill",
    title: "two engines on one database, 50 runs live, one of them killed with kill -9",
    short: true,
    limitMs: { short: 90_000, full: 120_000 },
    async run(world) {
      const storm = await openStorm(world);
      const all = scripts();
      const { db } = storm.database;
      const [first] = await Promise.all([
        storm.engine("engine-a", { leaseMs: LEASE_MS, toolMs: 30 }),
        storm.engine("engine-b", { leaseMs: LEASE_MS, toolMs: 30 }),
      ]);
      await storm.queue(all);
      await until(() => isBusy(storm, "engine-a"), { limitMs: 15_000, everyMs: 5 });
      const stranded = await held(db, "engine-a");
      await first.kill();
      const tookMs = await untilTaken(db, "engine-a");
      const finished = await storm.allEnded(60_000);
      const seen = await account(db, storm.effects, stepsIn(all));
      return judged({
        reached: stranded.inAct,
        wanted: 3,
        figure: `${stranded.runs} runs stranded, ${stranded.inAct} in a tool call, all moving again after ${ms(tookMs)}, ${told(seen)}`,
        conditions: { "all finished": finished, "moving again within 12 s": within(tookMs, 12_000), sound: seen.isSound },
      });
    },
  },
  {
    id: "failover-stop",
    title: "two engines on one database, 50 runs live, one stopped past its lease and continued",
    short: true,
    limitMs: { short: 120_000, full: 150_000 },
    async run(world) {
      const storm = await openStorm(world);
      const all = scripts();
      const { db } = storm.database;
      const [first] = await Promise.all([
        storm.engine("engine-a", { leaseMs: LEASE_MS, toolMs: 30 }),
        storm.engine("engine-b", { leaseMs: LEASE_MS, toolMs: 30 }),
      ]);
      await storm.queue(all);
      await until(() => isBusy(storm, "engine-a"), { limitMs: 15_000, everyMs: 5 });
      first.signal("SIGSTOP");
      const stranded = await held(db, "engine-a");
      const tookMs = await untilTaken(db, "engine-a");
      const stoppedMs = Math.max(0, LEASE_MS + 5_000 - tookMs);
      const finishedWithout = await storm.allEnded(stoppedMs);
      first.signal("SIGCONT");
      await sleep(2_000);
      const finished = finishedWithout || (await storm.allEnded(60_000));
      const seen = await account(db, storm.effects, stepsIn(all));
      return judged({
        reached: stranded.inAct,
        wanted: 3,
        figure: `${stranded.runs} runs stranded, ${stranded.inAct} in a tool call, all moving again after ${ms(tookMs)}, ${finishedWithout ? "all ended before it went on" : "some ended after it went on"}, ${told(seen)}`,
        conditions: { "all finished": finished, "moving again within 12 s": within(tookMs, 12_000), sound: seen.isSound },
      });
    },
  },
  {
    id: "failover-late",
    title: "the answers of the database to one of two engines come after its leases ran out: intents that were committed are not acted on",
    short: true,
    limitMs: { short: 120_000, full: 150_000 },
    async run(world) {
      const storm = await openStorm(world);
      const proxy = await openProxy(storm.database.urlAs("engine-a"));
      world.after(proxy.close);
      const all = Array.from({ length: 50 }, () => Array.from({ length: world.short ? 25 : 60 }, () => "findable").join(" "));
      const { db } = storm.database;
      const settings = { leaseMs: LEASE_MS, toolMs: 10 };
      await Promise.all([storm.engine("engine-a", { ...settings, url: proxy.url }), storm.engine("engine-b", settings)]);
      await storm.queue(all);
      await until(() => isBusy(storm, "engine-a", 2), { limitMs: 15_000, everyMs: 5 });
      let intents = 0;
      for (let tries = 0; tries < 40 && intents < 2; tries += 1) {
        proxy.thaw();
        await sleep(50);
        proxy.freeze(["toClient"]);
        await sleep(200); // what was on its way to the database is committed now, and nothing of it is known to the engine
        intents = await unperformed(storm, "engine-a");
      }
      const tookMs = await untilTaken(db, "engine-a");
      await sleep(2_000);
      proxy.thaw();
      const finished = await storm.allEnded(60_000);
      await sleep(1_000);
      const seen = await account(db, storm.effects, stepsIn(all));
      return judged({
        reached: intents,
        wanted: 2,
        figure: `${intents} intents on record whose engine did not know it, all moving again after ${ms(tookMs)}, ${told(seen)}`,
        conditions: { "all finished": finished, sound: seen.isSound },
      });
    },
  },
];
