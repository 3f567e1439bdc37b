import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { Child } from "../trials/harness/child.ts";
import { account, stepsIn } from "../trials/harness/oracle.ts";
import { openStorm, type Storm, stormScripts } from "../trials/harness/storm.ts";
import { until } from "../trials/harness/wait.ts";
import { openWorld } from "../trials/harness/world.ts";
import { bounded, type Line } from "./measure.ts";
import type { World } from "./world.ts";

const RUNS = 50;
const LEASE_MS = 10_000;
const LIMIT_MS = 60_000;
/** How long the stopped engine stays stopped after its leases ran out. */
const BEYOND_LEASE_MS = 2_000;

/** BENCH 13: one of two engines is killed, or stopped past its leases and continued, with 50 runs live: when all of them move again, and what became of their effects. */
export async function failover(world: World): Promise<Line[]> {
  const killed = await disturbed(world, "kill -9", (engine) => engine.kill());
  const stopped = await disturbed(world, "stop", async (engine, taken) => {
    engine.signal("SIGSTOP");
    await taken;
    await sleep(BEYOND_LEASE_MS);
    engine.signal("SIGCONT");
  });
  return [...killed, ...stopped];
}

type Disturb = (engine: Child, taken: Promise<unknown>) => Promise<unknown>;

async function disturbed(world: World, name: string, disturb: Disturb): Promise<Line[]> {
  const place = await openWorld(
    {
      cluster: () => Promise.resolve(world.cluster),
      keep: join(world.folder, "kept"),
      kept: () => Promise.reject(new Error("a bench keeps nothing")),
      close: () => Promise.resolve(),
    },
    world.short,
  );
  try {
    const storm = await openStorm(place);
    const { db } = storm.database;
    const scripts = stormScripts({ runs: RUNS, steps: 6 }).map((script) => `slow:400 ${script} slow:800 findable slow:800 findable`);
    const [victim] = await Promise.all([storm.engine("engine-a", { leaseMs: LEASE_MS }), storm.engine("engine-b", { leaseMs: LEASE_MS })]);
    await storm.queue(scripts);
    await until(() => isBusy(db), { limitMs: 20_000, everyMs: 5 });
    const stranded = await heldBy(db, "engine-a");
    const startMs = performance.now();
    const taken = untilTaken(db, stranded).then(() => performance.now() - startMs);
    await disturb(victim, taken);
    const tookMs = await taken;
    if (!(await storm.allEnded(LIMIT_MS))) throw new Error(`not all runs ended within ${LIMIT_MS / 1_000} s after ${name}`);
    return await linesOf(storm, { name, tookMs, steps: stepsIn(scripts), stranded: stranded.length });
  } finally {
    await place.close(undefined);
  }
}

async function linesOf(storm: Storm, { name, tookMs, steps, stranded }: { name: string; tookMs: number; steps: number; stranded: number }): Promise<Line[]> {
  const seen = await account(storm.database.db, storm.effects, steps);
  if (seen.torn + seen.openReservations > 0) throw new Error(`records are torn after ${name}: ${JSON.stringify(seen)}`);
  const more = { runs: seen.runs, stranded, effects: seen.acts, repeated: seen.repeated, journal: seen.journal };
  const none = (what: string, value: number) => bounded(`failover, ${name}, ${what}`, { value, unit: "", goal: { at: "most", value: 0 }, more });
  return [
    bounded(`failover, ${name}, all moving`, { value: tookMs / 1_000, unit: "s", goal: { at: "most", value: 12 }, more }),
    none("lost", seen.lost),
    none("doubled", seen.doubled),
    none("stale writes", seen.stale),
  ];
}

interface Fenced {
  readonly id: string;
  readonly fence: number;
}

/** Both engines hold runs, and the first one is in the middle of several acts. */
async function isBusy(db: Db): Promise<boolean> {
  const { rows } = await sql<{ acts: number }>`
    select count(*) as acts from acts a join runs r on r.id = a.run_id where r.holder = 'engine-a' and a.state = 'started' and a.kind = 'tool'`.execute(db);
  return rows[0]!.acts >= 6 && (await heldBy(db, "engine-b")).length > 0;
}

async function heldBy(db: Db, holder: string): Promise<Fenced[]> {
  const { rows } = await sql<Fenced>`select id, fence from runs where holder = ${holder} and ended_at is null`.execute(db);
  return rows;
}

/** Until somebody else holds each of these runs, or it has ended. */
async function untilTaken(db: Db, stranded: readonly Fenced[]): Promise<void> {
  const [ids, fences] = [stranded.map((run) => run.id), stranded.map((run) => run.fence)];
  const look = async (): Promise<boolean> => {
    const { rows } = await sql<{ id: string }>`
      select r.id from runs r join unnest(${ids}::text[], ${fences}::bigint[]) as was (id, fence) using (id) where r.fence = was.fence and r.ended_at is null`.execute(
      db,
    );
    return rows.length === 0;
  };
  if (!(await until(look, { limitMs: LIMIT_MS, everyMs: 20 }))) throw new Error("runs of an engine that is gone were not taken over within a minute");
}
