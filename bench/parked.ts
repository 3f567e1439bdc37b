import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Act } from "#src/acts/act.ts";
import { bindingOf } from "#src/acts/binding.ts";
import { approvalFor } from "#src/acts/gate.ts";
import { moveAct, planActs } from "#src/acts/store/plan.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { createNotifier } from "#src/database/notify.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";
import { claim } from "#src/leases/store/claim.ts";
import { park } from "#src/leases/store/park.ts";
import { wake } from "#src/leases/store/wake.ts";
import { prepareEvent } from "#src/journal/event.ts";
import { insertRun } from "#src/runs/store/write.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import type { TrialDatabase } from "../trials/harness/cluster.ts";
import { inLanes, until } from "../trials/harness/wait.ts";
import { bounded, boundedMedian, type Line, steadily } from "./measure.ts";
import { canSeeProcesses, familyProcessorMs, processorMs, residentMb } from "./processes.ts";
import { makeHome, type Server, startServer } from "./server.ts";
import type { World } from "./world.ts";

const SETTLE_MS = 3_000;
const RUNS_OF_A_BATCH = 250;
const RUNS_OF_A_WAKE = 1_000;

/** BENCH 4: what runs that wait for people cost a server: memory, processor time while nothing happens, and how fast all of them are looked at when all are woken. */
export async function parked(world: World): Promise<Line[]> {
  const runs = world.short ? 1_000 : 10_000;
  const database = await world.fresh(10);
  const server = await startServer(world, { home: await makeHome(world), databaseUrl: database.url });
  try {
    await parkRuns(database.db, runs / 4); // so that what it has done once, with the memory that took, is not counted as waiting
    await deliveredCopies(database.db);
    await memoryOf(server, "warm");
    const before = await memoryOf(server, "few");
    const startMs = performance.now();
    await parkRuns(database.db, runs);
    const copies = await deliveredCopies(database.db);
    const deliveredMs = performance.now() - startMs;
    const after = await memoryOf(server, "many");
    const more = { runs, copies, deliveredMs, beforeMb: before.rssMb, afterMb: after.rssMb, heapGrowthMb: after.heapMb - before.heapMb };
    const lines = [bounded("parked, growth", { value: after.rssMb - before.rssMb, unit: "MB", goal: { at: "most", value: 10 }, more })];
    lines.push(await idle(world, server, runs));
    lines.push(
      ...(await steadily(
        () => world.insertOnce(20),
        async () => [await wakeAll(database, world.short ? 3 : 5)],
      )),
    );
    return lines;
  } finally {
    await server.stop();
    await database.close();
  }
}

/** Waits until everybody who is asked has got a message, so that what is measured next is waiting and nothing else; how many messages that were. */
async function deliveredCopies(db: Db): Promise<number> {
  const look = async (): Promise<{ open: number; copies: number }> => {
    const { rows } = await sql<{ open: number; copies: number }>`
      select (select count(*) from asks where copied = 0) + (select count(*) from ask_copies where due is not null) as open,
             (select count(*) from ask_copies) as copies`.execute(db);
    return rows[0]!;
  };
  if (!(await until(async () => (await look()).open === 0, { limitMs: 300_000, everyMs: 250 })))
    throw new Error("not all asks were delivered within five minutes");
  return (await look()).copies;
}

interface Memory {
  readonly rssMb: number;
  readonly heapMb: number;
}

async function memoryOf({ child }: Server, as: string): Promise<Memory> {
  await sleep(SETTLE_MS);
  child.tell({ tell: "collect", as });
  const { heapMb } = await child.heard(as);
  return { rssMb: canSeeProcesses ? residentMb(child.pid).rss : 0, heapMb: Number(heapMb) };
}

async function idle(world: World, { child }: Server, runs: number): Promise<Line> {
  const overMs = world.short ? 8_000 : 20_000;
  const postgresPid = world.cluster.server.processId;
  const before = { server: processorMs(child.pid), postgres: familyProcessorMs(postgresPid) };
  await sleep(overMs);
  const percentOf = (ms: number): number => (ms / overMs) * 100;
  const more = { runs, overMs, postgresPercent: percentOf(familyProcessorMs(postgresPid) - before.postgres) };
  return bounded("parked, idle", { value: percentOf(processorMs(child.pid) - before.server), unit: "% of a core", goal: { at: "most", value: 1.5 }, more });
}

/** Wakes all of them at once, until each was claimed, looked at and parked again. */
async function wakeAll({ db, url }: TrialDatabase, rounds: number): Promise<Line> {
  const { rows } = await sql<{ id: RunId }>`select id from runs order by id`.execute(db);
  const ids = rows.map((row) => row.id);
  const notifier = createNotifier({ db, url, log: silentLog });
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const fenceBefore = await fenceSum(db);
    const startMs = performance.now();
    for (let from = 0; from < ids.length; from += RUNS_OF_A_WAKE) {
      await wake(db, ids.slice(from, from + RUNS_OF_A_WAKE));
      notifier.changed();
    }
    const isDone = async () => (await stillDue(db)) === 0 && (await fenceSum(db)) >= fenceBefore + ids.length;
    if (!(await until(isDone, { limitMs: 120_000, everyMs: 20 }))) throw new Error(`${await stillDue(db)} woken runs were not looked at within two minutes`);
    rates.push((ids.length / (performance.now() - startMs)) * 1_000);
  }
  await notifier.close();
  return boundedMedian("parked, waking all", { samples: rates, unit: "/s", goal: { at: "least", value: 3_000 }, more: { runs: ids.length } });
}

async function stillDue(db: Db): Promise<number> {
  const { rows } = await sql<{ due: number }>`select count(*) as due from runs where due is not null`.execute(db);
  return rows[0]!.due;
}

/** Each claim raises a fence by one. */
async function fenceSum(db: Db): Promise<number> {
  const { rows } = await sql<{ sum: number }>`select sum(fence)::float8 as sum from runs`.execute(db);
  return rows[0]!.sum;
}

/** Runs that asked a person something and wait: transcript, act and ask as the engine leaves them. Nobody sees them before they wait. */
async function parkRuns(db: Db, count: number): Promise<void> {
  const { revision } = await createWorkspaceView(db).current();
  const batches = Array.from({ length: Math.ceil(count / RUNS_OF_A_BATCH) }, (_, index) => Math.min(RUNS_OF_A_BATCH, count - index * RUNS_OF_A_BATCH));
  await inLanes(batches, 6, (size) => parkBatch(db, { size, revision }));
  await sql`vacuum analyze runs, acts, asks, messages`.execute(db);
}

function parkBatch(db: Db, { size, revision }: { size: number; revision: number }): Promise<void> {
  return inTransaction(db, async (tx) => {
    for (let made = 0; made < size; made += 1) {
      const id = newId("run", systemClock.nowMs());
      const limits = { maxTurns: 20, maxOutputTokens: 4_096 };
      const run = {
        id,
        ticketId: null,
        threadId: null,
        agent: "desk",
        runner: "rules",
        procedure: "chat",
        labels: { property: "warm_taipei_2br" },
        limits,
        revision,
        attempt: 1,
        lanes: [],
        retryOf: null,
      } as const;
      const message = { seq: 1, role: "input", name: null, source: "bench", trust: "owner", content: { text: "Please send four towels." } };
      await insertRun(tx, { run, messages: [message], event: prepareEvent({ kind: "run.queued", actor: "bench", runId: id }, systemClock.nowMs()) });
      const act = askedAct(id);
      const asked = { outcome: "ask" as const, rule: "bench", why: "somebody should look", matched: [] };
      const ask = approvalFor({ act, asked, ticketId: null, revision, nowMs: systemClock.nowMs() });
      await planActs(tx, [act]);
      await moveAct(tx, { act, to: "asked", askId: ask.id, decision: asked });
      await openAsk(tx, ask);
    }
    for (const lease of await claim(tx, { limit: size, holder: "bench", leaseMs: 10_000 })) await park(tx, lease);
  });
}

function askedAct(runId: RunId): Act {
  const id = newId("act", systemClock.nowMs());
  const base = { kind: "tool" as const, name: "towels.send", args: { count: 4 }, runId };
  return {
    ...base,
    id,
    turn: 1,
    ordinal: 0,
    effect: "findable",
    state: "planned",
    key: id,
    facts: {},
    binding: bindingOf(base),
    askId: null,
    decision: null,
    handle: null,
    result: null,
    error: null,
    attempts: 0,
  };
}
