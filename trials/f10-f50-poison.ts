import { sql } from "kysely";
import { openAsks } from "#src/asks/store/read.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { type Case, judged, inTime } from "./harness/case.ts";
import type { Child } from "./harness/child.ts";
import { countOf } from "./harness/oracle.ts";
import { answerOne, hurry } from "./harness/people.ts";
import { ms, quantile } from "./harness/statistics.ts";
import { openStorm, type Storm, type StormSettings } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";

interface RunRow {
  readonly state: string;
  readonly fence: number;
  readonly reason: string | null;
}

async function runRow(storm: Storm, id: string): Promise<RunRow> {
  const { rows } = await sql<RunRow>`select state, fence, reason from runs where id = ${id}`.execute(storm.database.db);
  return rows[0]!;
}

/** Starts an engine again whenever it has ended, as a service manager would. */
function supervise(storm: Storm, name: string, settings: Partial<StormSettings>): { readonly deaths: () => number; stop(): Promise<void> } {
  let deaths = 0;
  let stopping = false;
  let current: Child | undefined;
  const loop = (async () => {
    while (!stopping) {
      current = await storm.engine(name, settings).catch(() => undefined);
      await current?.exited;
      if (!stopping) deaths += 1;
    }
  })();
  return {
    deaths: () => deaths,
    async stop() {
      stopping = true;
      let isOver = false;
      void loop.finally(() => (isOver = true));
      await until(() => (current?.signal("SIGTERM"), isOver), { limitMs: 15_000 }); // one that is just being started is told as well
    },
  };
}

/** Slow enough that nothing queues up, and fast enough that the few acts whose process was ended are no hundredth of all. */
const PACE_MS = 12;

/** Answers one ask of the other runs every so often until told to stop, and gives the milliseconds from each commit to its act outside. */
async function paced(storm: Storm, isOver: () => boolean | Promise<boolean>, mayAnswer: (ask: Ask) => boolean): Promise<number[]> {
  const committed = new Map<string, number>();
  while (!(await isOver())) {
    for (const ask of await openAsks(storm.database.db)) {
      if (ask.purpose !== "act" || committed.has(ask.actId!) || !mayAnswer(ask)) continue;
      await answerOne(storm.database.db, ask);
      committed.set(ask.actId!, performance.now());
      await hurry(storm.database.db);
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
  const keys = [...committed.keys()];
  await until(() => keys.every((key) => storm.outside.arrivedMs(key) !== undefined), { limitMs: 20_000 });
  return keys.map((key) => (storm.outside.arrivedMs(key) ?? Number.POSITIVE_INFINITY) - committed.get(key)!);
}

export const crashLoop: Case = {
  id: "F10",
  title: "a step that ends its process, under a supervisor: tries are bounded, the run is set aside and asked about, the others go on as before",
  short: true,
  alone: true,
  limitMs: { short: 150_000, full: 300_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const maxTries = world.short ? 3 : 5;
    const settings = { leaseMs: world.short ? 5_000 : 10_000, maxTries, slots: 8 }; // a crash strands what was under way for a lease; a shorter one would make that a larger part of all
    const engines = ["engine-a", "engine-b", "engine-c"].map((name) => supervise(storm, name, settings));
    await storm.queue(Array.from({ length: 30 }, () => Array.from({ length: 190 }, () => "careful").join(" ")));
    await until(async () => (await openAsks(db)).length === 30, { limitMs: 20_000 });
    const baselineUntilMs = performance.now() + (world.short ? 6_000 : 20_000);
    const baseline = await paced(
      storm,
      () => performance.now() > baselineUntilMs,
      () => true,
    );
    const [poison] = (await storm.queue(["crash"])) as RunId[];
    await hurry(db);
    const startMs = performance.now();
    const isAside = async (): Promise<boolean> =>
      (await runRow(storm, poison!)).state === "quarantined" || performance.now() - startMs > (world.short ? 90_000 : 200_000);
    const beside = await paced(storm, isAside, (ask) => ask.runId !== poison);
    const tookMs = performance.now() - startMs;
    const deaths = engines.reduce((sum, engine) => sum + engine.deaths(), 0);
    const { state, fence } = await runRow(storm, poison!);
    const asked = (await openAsks(db)).filter((ask) => ask.purpose === "quarantine");
    const others = await countOf(db, `select count(*) as n from runs where state = 'quarantined' and id <> '${poison}'`);
    for (const engine of engines) await engine.stop();
    const lost = beside.filter((value) => value === Number.POSITIVE_INFINITY).length;
    const [before, after] = [quantile(baseline, 0.99), quantile(beside, 0.99)];
    return judged({
      reached: deaths,
      wanted: maxTries,
      figure: `${deaths} processes ended, set aside after ${fence} claims and ${ms(tookMs)}; wake → act of the others p50 ${ms(quantile(baseline, 0.5))} → ${ms(quantile(beside, 0.5))}, p99 ${ms(before)} → ${ms(after)}, most ${ms(Math.max(...beside))} (${beside.length} acts, ${lost} lost), ${others} of them set aside`,
      conditions: {
        "set aside": state === "quarantined" && asked.length === 1 && asked[0]!.runId === poison,
        "tries bounded": fence <= maxTries + 2 && deaths <= maxTries + 1,
        "the others not set aside": others === 0,
        "none lost": lost === 0,
        "p99 within 1.5 × and 20 ms": inTime(after <= 1.5 * before + 20),
      },
    });
  },
};

export const poisonHead: Case = {
  id: "F50",
  title: "poison at the head of the queue, a transcript that cannot be read and a tool that throws what it may not: set aside, the rest proceeds",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const maxTries = world.short ? 2 : 4;
    const [unreadable, throwing] = (await storm.queue(["idempotent findable", "bug findable"])) as RunId[];
    await sql`update messages set content = 'null' where run_id = ${unreadable} and role = 'input'`.execute(db); // whoever reads the text of the input fails
    await sql`update runs set due = due - interval '1 hour' where id in (${unreadable}, ${throwing})`.execute(db);
    const others = Array.from({ length: world.short ? 15 : 50 }, () => "idempotent findable findable");
    await storm.queue(others);
    const startMs = performance.now();
    await storm.engine("engine-a", { maxTries, slots: 2 });
    const rest = (): Promise<number> => countOf(db, `select count(*) as n from runs where state = 'done' and id not in ('${unreadable}', '${throwing}')`);
    const proceeded = await until(async () => (await rest()) === others.length, { limitMs: 30_000 });
    const restMs = performance.now() - startMs;
    const isAside = async (): Promise<boolean> =>
      (await runRow(storm, unreadable!)).state === "quarantined" && (await runRow(storm, throwing!)).state === "quarantined";
    const aside = await until(isAside, { limitMs: world.short ? 45_000 : 120_000, everyMs: 200 });
    const asked = (await openAsks(db)).filter((ask) => ask.purpose === "quarantine");
    const claims = [(await runRow(storm, unreadable!)).fence, (await runRow(storm, throwing!)).fence];
    await sql`update messages set content = '{"text":"idempotent findable"}' where run_id = ${unreadable} and role = 'input'`.execute(db); // repaired
    for (const ask of asked) await answerOne(db, ask, ask.runId === unreadable ? "try again" : "stop");
    await hurry(db);
    const mended = await until(async () => (await runRow(storm, unreadable!)).state === "done" && (await runRow(storm, throwing!)).state === "failed", {
      limitMs: 15_000,
    });
    return judged({
      reached: claims.reduce((sum, fence) => sum + fence, 0),
      wanted: 2 * maxTries,
      figure: `${others.length} others done after ${ms(restMs)}, the poisoned set aside after ${claims.join(" and ")} claims; the repaired one went on, the other was stopped by a person`,
      conditions: {
        "the rest proceeds": proceeded,
        "set aside": aside && asked.length === 2,
        "tries bounded": claims.every((fence) => fence <= maxTries + 2),
        "a person decides": mended,
      },
    });
  },
};
