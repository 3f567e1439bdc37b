import { setTimeout as sleep } from "node:timers/promises";
import { type Case, judged } from "./harness/case.ts";
import type { Child } from "./harness/child.ts";
import { account, countOf, ended, stepsIn, told } from "./harness/oracle.ts";
import { answerAll } from "./harness/people.ts";
import { openStorm, type Storm, stormScripts } from "./harness/storm.ts";

const EVERY_MS = 200;
/** Two engines work, so that each lives for two kills; these stand by, so that starting a process is no part of its life. */
const AT_WORK = 2;
const STANDING_BY = 3;
const SETTINGS = { leaseMs: 1_000, pollMs: 200, slots: 12, toolMs: 3, poolSize: 4 };

interface Killing {
  readonly kills: number;
  readonly whileHolding: number;
  readonly seconds: number;
}

/** Kills the oldest engine every 200 ms, for at least so long and so often, and keeps runs coming. */
async function killFor(storm: Storm, queueMore: () => Promise<void>, { seconds, kills: wanted }: { seconds: number; kills: number }): Promise<Killing> {
  const { db } = storm.database;
  let started = 0;
  let kills = 0;
  let whileHolding = 0;
  const standBy = (): Promise<Child> => storm.engine(`engine-${(started += 1)}`, { ...SETTINGS, begins: false });
  const waiting = Array.from({ length: STANDING_BY }, standBy);
  const atWork: Child[] = [];
  const startMs = performance.now();
  const isOver = (): boolean => {
    const spent = (performance.now() - startMs) / 1_000;
    return (spent >= seconds && kills >= wanted) || spent >= seconds * 4;
  };
  while (!isOver()) {
    const nextMs = performance.now() + EVERY_MS;
    const next = await waiting.shift()!;
    next.tell({ tell: "begin" });
    atWork.push(next);
    waiting.push(standBy());
    if ((await ended(db)).open < 40) await queueMore();
    if (atWork.length > AT_WORK) {
      const oldest = atWork.shift()!;
      const held = await countOf(db, `select count(*) as n from runs where holder = '${oldest.name}'`);
      await oldest.kill();
      kills += 1;
      if (held > 0) whileHolding += 1;
    }
    await sleep(Math.max(0, nextMs - performance.now()));
  }
  for (const child of [...atWork, ...(await Promise.all(waiting))]) await child.kill();
  return { kills, whileHolding, seconds: (performance.now() - startMs) / 1_000 };
}

export const killStorm: Case = {
  id: "F01",
  title: "kill -9 of an engine every 200 ms: all runs finish, every effect once",
  short: true,
  alone: true,
  limitMs: { short: 120_000, full: 420_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const scripts: string[] = [];
    const queueMore = async (): Promise<void> => {
      const more = stormScripts({ runs: world.short ? 20 : 50, steps: 10, seed: scripts.length + 7 });
      scripts.push(...more);
      await storm.queue(more);
    };
    await queueMore();
    const person = answerAll(db);
    const killing = await killFor(storm, queueMore, world.short ? { seconds: 10, kills: 25 } : { seconds: 60, kills: 200 });
    await Promise.all(["engine-x", "engine-y"].map((name) => storm.engine(name)));
    const finished = await storm.allEnded(60_000);
    await person.stop();
    const seen = await account(db, storm.effects, stepsIn(scripts));
    const quarantines = person.answered.filter((ask) => ask.purpose === "quarantine").length;
    return judged({
      reached: killing.whileHolding,
      wanted: world.short ? 20 : 180,
      figure: `${killing.kills} kills in ${killing.seconds.toFixed(0)} s, ${killing.whileHolding} while it held runs, ${quarantines} quarantined and tried again, ${told(seen)}`,
      conditions: { "all finished": finished, sound: seen.isSound },
    });
  },
};
