import { type Act } from "#src/acts/act.ts";
import { bindingOf } from "#src/acts/binding.ts";
import { endAct } from "#src/acts/store/end.ts";
import { startAct } from "#src/acts/store/start.ts";
import { prepareEvent } from "#src/journal/event.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";
import { allotModelCall } from "#src/ledger/allot.ts";
import { createPriceList } from "#src/ledger/prices.ts";
import type { Lease } from "#src/leases/lease.ts";
import { claim } from "#src/leases/store/claim.ts";
import { park } from "#src/leases/store/park.ts";
import { wake } from "#src/leases/store/wake.ts";
import { insertRun, type NewRun } from "#src/runs/store/write.ts";
import { type BudgetManifest } from "#src/workspace/manifest/governance.ts";
import { compare, type Line } from "./measure.ts";
import type { World } from "./world.ts";

const BUDGET: BudgetManifest = {
  apiVersion: "loopwright.dev/v1",
  kind: "Budget",
  name: "all",
  scope: { workspace: true },
  period: "month",
  capUsd: 10_000,
  onReach: "block",
};
const MODEL = "bench:one";
const CALL = { nanos: 140_000, tokens: 120 };
const TURNS = 200;

/** BENCH 1 and 2: what a turn costs with everything durable, alone and at 32 runs, one budget shared by all. */
export async function turn(world: World, rounds: number): Promise<Line[]> {
  const { db } = world.database;
  const one = await heldRun(world);
  let seq = 1;
  const two = await compare({
    name: "turn, two statements",
    unit: "ms",
    rounds,
    goal: { at: "most", value: 4 },
    ours: async () => timed(TURNS, () => turnOf(world, one, (seq += 1))),
    reference: () => world.insertOnce(TURNS),
  });
  await park(db, one);
  const whole = await compare({
    name: "turn, with claim and park",
    unit: "ms",
    rounds,
    goal: { at: "most", value: 6 },
    ours: async () =>
      timed(TURNS, async () => {
        await wake(db, [one.runId]);
        const [lease] = await claim(db, { limit: 1, holder: "bench", leaseMs: 10_000 });
        await turnOf(world, lease!, (seq += 1));
        await park(db, lease!);
      }),
    reference: () => world.insertOnce(TURNS),
  });
  return [two, whole, await manyRuns(world, rounds)];
}

/** Through as many connections as a server has; the reference has a client for each of its writers. */
async function manyRuns(world: World, rounds: number): Promise<Line> {
  const database = await world.fresh(10);
  const server = { ...world, database };
  const leases: Lease[] = [];
  while (leases.length < 32) leases.push(await heldRun(server));
  let shared = 1;
  const many = await compare({
    name: "turns-32",
    unit: "/s",
    rounds,
    goal: { at: "least", value: 0.15 },
    ours: async () => {
      const startMs = performance.now();
      await Promise.all(
        leases.map(async (lease) => {
          for (let made = 0; made < 30; made += 1) await turnOf(server, lease, 1_000_000 + (shared += 1));
        }),
      );
      return ((32 * 30) / (performance.now() - startMs)) * 1_000;
    },
    reference: () => world.insertRate(32, 3_200),
  });
  await database.close();
  return many;
}

async function timed(count: number, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  for (let made = 0; made < count; made += 1) await work();
  return (performance.now() - startMs) / count;
}

/** A run that this process holds, with an allotment large enough for all turns. */
export async function heldRun({ database: { db } }: World): Promise<Lease> {
  const id = newId("run", systemClock.nowMs());
  const run: NewRun = {
    id,
    ticketId: null,
    threadId: null,
    agent: "bench",
    runner: "model",
    procedure: "chat",
    labels: {},
    limits: { maxTurns: 1e9, maxOutputTokens: 20 },
    revision: 1,
    attempt: 1,
    lanes: [],
    retryOf: null,
  };
  await insertRun(db, { run, messages: [], event: prepareEvent({ kind: "run.queued", actor: "bench", runId: id }, systemClock.nowMs()) });
  const prices = createPriceList({ overrides: { "bench:*": { inputUsd: 1, outputUsd: 2 } }, clock: systemClock });
  const allotted = await allotModelCall(db, prices, {
    run: { runId: id, agent: "bench", ticketId: null, labels: {} },
    budgets: [BUDGET],
    timeZone: "UTC",
    model: MODEL,
    inputTokens: 100,
    wantedOutput: 20,
    sliceNanos: 100_000_000_000,
  });
  if (allotted.kind !== "granted") throw new Error(`the budget of the bench is too small: ${allotted.kind}`);
  const leases = await claim(db, { limit: 100, holder: "bench", leaseMs: 3_600_000 });
  return leases.find((lease) => lease.runId === id)!;
}

/** Intent and outcome of one model call that answers at once: act, ledger, transcript, journal, run. */
export async function turnOf({ database: { db } }: World, lease: Lease, seq: number): Promise<void> {
  const act = actOf(lease.runId, seq);
  const event = (kind: string) =>
    prepareEvent({ kind, actor: "agent:bench", runId: lease.runId, payload: { act: act.id, kind: act.kind, name: act.name } }, systemClock.nowMs());
  const reservation = {
    actId: act.id,
    attempt: 1,
    runId: lease.runId,
    ticketId: null,
    agent: "bench",
    labels: { purpose: "chat" },
    tier: "strong",
    model: MODEL,
    pricedAs: "override:bench:*",
    ...CALL,
  };
  const started = await startAct(db, { act, lease, decision: { outcome: "allow", rule: "bench" }, event: event("act.started"), reservation });
  if (started !== "started") throw new Error(`the act did not start: ${started}`);
  const tokens = { input: 100, cached: 0, output: 20, reasoning: 0 };
  const ended = await endAct(db, {
    act,
    lease,
    attempt: 1,
    state: "done",
    result: { finish: "stop" },
    error: null,
    handle: null,
    event: event("act.done"),
    late: event("act.late_outcome"),
    settlement: { actId: act.id, attempt: 1, costNanos: CALL.nanos, listNanos: CALL.nanos, pricedAs: null, model: MODEL, tokens, source: "measured" },
    message: { seq, role: "thought", name: "chat", source: MODEL, trust: "agent", content: { text: "done", toolCalls: [] } },
    planned: [],
  });
  if (!ended.moved) throw new Error("the outcome came late");
}

function actOf(runId: RunId, turn: number): Act {
  const id = newId("act", systemClock.nowMs());
  const base = { kind: "model" as const, name: "chat", args: { purpose: "chat", tier: "strong" }, runId };
  return {
    ...base,
    id,
    turn,
    ordinal: 0,
    effect: "read",
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
