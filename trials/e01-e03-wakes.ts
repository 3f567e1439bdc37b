import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Ask } from "#src/asks/ask.ts";
import { openAsks } from "#src/asks/store/read.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { wake } from "#src/leases/store/wake.ts";
import { performTogether } from "#src/people/store/idempotency.ts";
import { type Case, inTime, judged, within } from "./harness/case.ts";
import { account, countOf, stepsIn, told } from "./harness/oracle.ts";
import { answerOne, hurry } from "./harness/people.ts";
import { ms, quantile } from "./harness/statistics.ts";
import { openStorm, type Storm } from "./harness/storm.ts";
import { inLanes, until } from "./harness/wait.ts";

/** An older wake is being acted on; meanwhile the answer is given in a transaction that stays open for a while. */
async function answerSlowly(storm: Storm, ask: Ask): Promise<{ whileHeld: boolean; committedMs: number }> {
  const { db } = storm.database;
  await wake(db, [ask.runId!]);
  await hurry(db);
  await sleep(Math.random() * 4);
  const whileHeld = await performTogether(db, async (joined) => {
    await answerOne(joined, ask);
    const { rows } = await sql<{ held: boolean }>`select holder is not null as held from runs where id = ${ask.runId}`.execute(joined);
    await sleep(Math.random() * 40);
    return rows[0]!.held;
  });
  return { whileHeld, committedMs: performance.now() };
}

const wakesInOpenTransactions: Case = {
  id: "E01",
  title: "a wake inside an open transaction while an older wake is being read, over two processes: the run sees the change after the commit",
  short: true,
  limitMs: { short: 60_000, full: 120_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const scripts = Array.from({ length: world.short ? 12 : 40 }, () => "careful careful careful careful careful");
    await Promise.all([storm.engine("engine-a"), storm.engine("engine-b")]);
    await storm.queue(scripts);
    const delays: number[] = [];
    let whileHeld = 0;
    const steps = stepsIn(scripts);
    const deadlineMs = performance.now() + (world.short ? 40_000 : 90_000);
    while (delays.length < steps && performance.now() < deadlineMs) {
      const asks = await openAsks(db);
      await inLanes(asks, 4, async (ask) => {
        const answer = await answerSlowly(storm, ask);
        if (answer.whileHeld) whileHeld += 1;
        await hurry(db);
        await until(() => storm.outside.arrivedMs(ask.actId!) !== undefined, { limitMs: 5_000, everyMs: 5 });
        delays.push((storm.outside.arrivedMs(ask.actId!) ?? Number.POSITIVE_INFINITY) - answer.committedMs);
      });
    }
    const finished = await storm.allEnded(5_000);
    const seen = await account(db, storm.effects, steps);
    return judged({
      reached: whileHeld,
      wanted: 10,
      figure: `${delays.length} answers, ${whileHeld} while the run was held, commit → act p99 ${ms(quantile(delays, 0.99))}, most ${ms(Math.max(...delays))}, ${told(seen)}`,
      conditions: { "all finished": finished, "acted on within 2 s": within(Math.max(...delays), 2_000), sound: seen.isSound },
    });
  },
};

const timerAndWake: Case = {
  id: "E02",
  title: "a timer in an hour and a wake now: the wake is acted on now, the timer stays and fires once",
  short: true,
  limitMs: { short: 45_000, full: 60_000 },
  async run(world) {
    const storm = await openStorm(world, { database: await world.database({ movableClock: true }) });
    const { db, advance } = storm.database;
    const runs = world.short ? 20 : 50;
    const scripts = Array.from({ length: runs }, (_, index) => `later:3600000:e${index}`);
    await Promise.all([storm.engine("engine-a"), storm.engine("engine-b")]);
    const ids = (await storm.queue(scripts)) as RunId[];
    const timers = (): Promise<number> =>
      countOf(db, "select count(*) as n from timers where due_at between loop_now() + '55 minutes' and loop_now() + '61 minutes'");
    const parked = await until(
      async () => (await timers()) === runs && (await countOf(db, "select count(*) as n from runs where state = 'waiting' and due is null")) === runs,
      { limitMs: 15_000 },
    );
    const fences = new Map((await sql<{ id: string; fence: number }>`select id, fence from runs`.execute(db)).rows.map((row) => [row.id, row.fence]));
    const startMs = performance.now();
    for (const id of ids) await wake(db, [id]);
    await hurry(db);
    const actedOn = async (): Promise<boolean> =>
      (await sql<{ id: string; fence: number }>`select id, fence from runs`.execute(db)).rows.every((row) => row.fence > fences.get(row.id)!);
    const seenNow = await until(actedOn, { limitMs: 5_000, everyMs: 10 });
    const tookMs = performance.now() - startMs;
    const again = await until(async () => (await countOf(db, "select count(*) as n from runs where state = 'waiting' and due is null")) === runs, {
      limitMs: 5_000,
    });
    const stayed = (await timers()) === runs;
    await advance(3_660_000); // what a provider said, and the part that varies
    const finished = await storm.allEnded(15_000);
    const seen = await account(db, storm.effects, stepsIn(scripts));
    return judged({
      reached: parked ? runs : 0,
      wanted: runs,
      figure: `${runs} wakes acted on in ${ms(tookMs)}, ${told(seen)}`,
      conditions: { "acted on now": seenNow && tookMs < 2_000, "parked again": again, "timers stayed": stayed, "timers fired": finished, sound: seen.isSound },
    });
  },
};

/** So that nothing queues up: latency is measured, not throughput. */
const PACE_MS = 30;

/** Answers asks of the others, one every so often, and gives the milliseconds from each commit to the act outside. */
async function wakeToAct(storm: Storm, answers: number): Promise<number[]> {
  const { db } = storm.database;
  const committed = new Map<string, number>();
  const deadlineMs = performance.now() + 60_000;
  while (committed.size < answers && performance.now() < deadlineMs) {
    const asks = await openAsks(db);
    const ask = asks.find((known) => !committed.has(known.actId!));
    if (ask) {
      await answerOne(db, ask);
      committed.set(ask.actId!, performance.now());
      await hurry(db);
    }
    await sleep(PACE_MS);
  }
  await until(() => [...committed.keys()].every((key) => storm.outside.arrivedMs(key) !== undefined), { limitMs: 10_000 });
  return [...committed].map(([key, atMs]) => (storm.outside.arrivedMs(key) ?? Number.POSITIVE_INFINITY) - atMs);
}

const slowRun: Case = {
  id: "E03",
  title: "one run in a long act with wakes waiting: wake → act of the others as without it",
  short: true,
  alone: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const answers = world.short ? 150 : 500;
    const longMs = world.short ? 5_000 : 25_000;
    const scripts = Array.from({ length: 20 }, () => Array.from({ length: Math.ceil((answers * 2) / 20) + 20 }, () => "careful").join(" "));
    await storm.engine("engine-a", { slots: 8 });
    await storm.queue(scripts);
    await wakeToAct(storm, 40); // warm
    const without = await wakeToAct(storm, answers);
    const [slow] = (await storm.queue([`slow:${longMs}`])) as RunId[];
    await hurry(db);
    await until(async () => (await countOf(db, "select count(*) as n from acts where name = 'effect.slow' and state = 'started'")) === 1, {
      limitMs: 5_000,
      everyMs: 5,
    });
    let waking = true;
    let wakes = 0;
    const wakeUp = (async () => {
      for (; waking; wakes += 1) {
        await wake(db, [slow!]);
        await sleep(100);
      }
    })();
    const beside = await wakeToAct(storm, answers);
    const stillSlow = (await countOf(db, "select count(*) as n from acts where name = 'effect.slow' and state = 'started'")) === 1;
    waking = false;
    await wakeUp;
    const over = await until(async () => (await countOf(db, `select count(*) as n from runs where id = '${slow}' and state = 'done'`)) === 1, {
      limitMs: longMs + 10_000,
    });
    const [before, after] = [quantile(without, 0.99), quantile(beside, 0.99)];
    return judged({
      reached: stillSlow || longMs < 10_000 ? wakes : 0,
      wanted: 10,
      figure: `wake → act p50 ${ms(quantile(without, 0.5))} and p99 ${ms(before)} without, ${ms(quantile(beside, 0.5))} and ${ms(after)} beside an act of ${longMs / 1_000} s with ${wakes} wakes waiting`,
      conditions: {
        "p99 within 1.5 × and 20 ms": inTime(after <= 1.5 * before + 20),
        "none lost": Math.max(...beside) < Number.POSITIVE_INFINITY,
        "the slow run went on": over,
      },
    });
  },
};

export const wakes: readonly Case[] = [wakesInOpenTransactions, timerAndWake, slowRun];
