import { setTimeout as sleep } from "node:timers/promises";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { answerAsk } from "#src/asks/answer.ts";
import type { Answerer, Ask } from "#src/asks/ask.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { createNotifier } from "#src/database/notify.ts";
import { openDatabase } from "#src/database/open.ts";
import { startSealer } from "#src/journal/sealer.ts";
import { systemClock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { wake } from "#src/leases/store/wake.ts";
import { type Fleet, startFleet } from "#src/runs/fleet.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { startRun, testEngine } from "#src/testing/engine.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import type { TrialDatabase } from "../trials/harness/cluster.ts";
import { until } from "../trials/harness/wait.ts";
import { boundedQuantile, type Line, steadily } from "./measure.ts";
import type { World } from "./world.ts";

const ANSWERER: Answerer = { id: "prn_bench", handle: "bench", roles: ["owner"] };
const AS_MAIN = { slots: 16, leaseMs: 10_000, pollMs: 1_000, graceMs: 8_000 };

interface Scale {
  readonly answers: number;
  readonly everyMs: number;
  readonly longActMs: number;
}
/** All answers come while the long act goes on. */
const FULL: Scale = { answers: 400, everyMs: 50, longActMs: 25_000 };
const SHORT: Scale = { answers: 90, everyMs: 40, longActMs: 5_000 };

/**
 * BENCH 3: an answer is given, the run that waited for it starts its next act; answers arrive at random times whatever became of those before. Alone, beside a run that
 * holds a long act and has a wake waiting, and with the answer given in another process than the one that moves the run.
 */
export async function answer(world: World): Promise<Line[]> {
  const scale = world.short ? SHORT : FULL;
  const database = await world.fresh(10); // as many connections as a server has
  const house = await openHouse(database, scale);
  const there = await house.otherProcess();
  const goal = { at: "most", value: 50 } as const;
  const line = (name: string, taken: readonly Taken[], more: Line["more"] = {}) =>
    boundedQuantile(name, { samples: taken.map(({ tookMs }) => tookMs), q: 0.99, unit: "ms", goal, more: { answersASecond: 1_000 / scale.everyMs, ...more } });
  try {
    return await steadily(
      () => world.insertOnce(20),
      async () => {
        const alone = await house.answer(await house.waiting(scale.answers), { ...scale, from: house });
        const elsewhere = await house.answer(await house.waiting(scale.answers), { ...scale, from: there });
        const asks = await house.waiting(scale.answers);
        const long = await house.beginLongAct();
        const taken = await house.answer(asks, { ...scale, from: house });
        const beside = taken.filter(({ startedMs }) => startedMs < long.endedMs());
        await long.ended;
        const leftOut = taken.length - beside.length;
        return [
          line("answer, p99", alone),
          line("answer beside a long act, p99", beside, { longActMs: scale.longActMs, leftOut }),
          line("answer in another process, p99", elsewhere),
        ];
      },
    );
  } finally {
    await there.close();
    await house.close();
    await database.close();
  }
}

/** From where an answer is given. */
interface Desk {
  readonly db: TrialDatabase["db"];
  readonly changed: () => void;
}

interface Taken {
  readonly tookMs: number;
  readonly startedMs: number;
}

interface House extends Desk {
  otherProcess(): Promise<Desk & { close(): Promise<void> }>;
  /** Makes so many runs wait for a person. */
  waiting(count: number): Promise<Ask[]>;
  /** Answers them at random times, and says how long each took to start its act. */
  answer(asks: readonly Ask[], how: { readonly everyMs: number; readonly from: Desk }): Promise<Taken[]>;
  /** A run in the middle of its act, and a wake for it. */
  beginLongAct(): Promise<{ endedMs: () => number; ended: Promise<unknown> }>;
  close(): Promise<void>;
}

async function openHouse({ db, url }: TrialDatabase, { longActMs }: Scale): Promise<House> {
  const startedMs = new Map<string, number>();
  const long: LongAct = { going: false, endedMs: Number.POSITIVE_INFINITY, tookMs: longActMs };
  const tools = toolsOf(startedMs, long);
  const model = scriptedModel((call) => {
    const [first] = call.messages;
    const text = first?.role === "user" ? first.text : "";
    if (call.messages.length > 1) return say("done");
    return text === "long" ? callTool("effect.once") : callTool("effect.careful", { ask: text });
  });
  const engine = await testEngine({ db, clock: systemClock, files: chatWorkspace(), model, tools });
  const notifier = createNotifier({ db, url, log: silentLog });
  const sealer = startSealer({ db, signer: engine.signer, log: silentLog, hint: notifier.onChange });
  const fleet: Fleet = startFleet(engine, { ...AS_MAIN, holder: "bench", changed: notifier.changed, mayClaim: () => true });
  notifier.onChange(fleet.hint);
  const begin = async (text: string): Promise<RunId> => {
    const id = await startRun(engine, "helper", text);
    notifier.changed();
    return id;
  };
  return {
    db,
    changed: notifier.changed,
    otherProcess: () => openElsewhere(url),
    async waiting(count) {
      for (let made = 0; made < count; made += 1) await begin(`question ${made}`);
      let asks: Ask[] = [];
      await until(async () => (asks = await openAsks(db)).length === count && fleet.moving() === 0, { limitMs: 60_000, everyMs: 20 });
      if (asks.length !== count) throw new Error(`${asks.length} runs wait for a person; expected ${count}`);
      return asks;
    },
    async answer(asks, { everyMs, from }) {
      const givenMs = new Map<string, number>();
      const answers: Promise<unknown>[] = [];
      for (const ask of asks) {
        await sleep(-Math.log(1 - Math.random()) * everyMs);
        givenMs.set(ask.actId!, performance.now());
        answers.push(answerAsk(from.db, systemClock, { askId: ask.id, person: ANSWERER, answer: "approve", face: "bench" }).then(() => from.changed()));
      }
      await Promise.all(answers);
      const left = () => [...givenMs.keys()].filter((act) => !startedMs.has(act));
      if (!(await until(() => left().length === 0, { limitMs: 30_000, everyMs: 5 })))
        throw new Error(`${left().length} of ${asks.length} answered runs did not go on`);
      return [...givenMs].map(([act, ms]) => ({ tookMs: startedMs.get(act)! - ms, startedMs: startedMs.get(act)! }));
    },
    async beginLongAct() {
      const id = await begin("long");
      long.endedMs = Number.POSITIVE_INFINITY;
      long.going = false;
      await until(() => long.going, { limitMs: 30_000, everyMs: 5 });
      await wake(db, [id]);
      notifier.changed();
      return { endedMs: () => long.endedMs, ended: until(() => long.endedMs < Number.POSITIVE_INFINITY, { limitMs: longActMs + 10_000 }) };
    },
    async close() {
      await fleet.stop();
      await sealer.stop();
      await notifier.close();
    },
  };
}

interface LongAct {
  going: boolean;
  endedMs: number;
  readonly tookMs: number;
}

function toolsOf(startedMs: Map<string, number>, long: LongAct): ToolPort[] {
  const base = { description: "of the bench", schema: { type: "object" } };
  return [
    {
      ...base,
      name: "effect.careful",
      effect: "idempotent",
      invoke(_args, { actKey }) {
        startedMs.set(actKey, performance.now());
        return Promise.resolve({ done: true });
      },
    },
    {
      ...base,
      name: "effect.once",
      effect: "once",
      async invoke(_args, { signal }) {
        long.going = true;
        await sleep(long.tookMs, undefined, { signal }).catch(() => undefined);
        long.endedMs = performance.now();
        return { done: true };
      },
    },
  ];
}

/** A pool and a notifier that share nothing with those of the engine but the database. */
async function openElsewhere(url: string): Promise<Desk & { close(): Promise<void> }> {
  const { db, close } = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
  const notifier = createNotifier({ db, url, log: silentLog });
  await sleep(200); // it listens by then; what it says is heard at once
  return {
    db,
    changed: notifier.changed,
    async close() {
      await notifier.close();
      await close();
    },
  };
}
