import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { usualChores } from "#src/pulse/chores.ts";
import { takeBeat } from "#src/pulse/pulse.ts";
import { createSensors } from "#src/pulse/sensors/sensors.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { readFolder } from "#src/workspace/load.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { trialEngine } from "../trials/harness/trial-engine.ts";
import { bounded, type Line } from "./measure.ts";
import { canSeeProcesses, familyProcessorMs } from "./processes.ts";
import { SAMPLE } from "./server.ts";
import type { World } from "./world.ts";

const HOUR_S = 3_600;
const MINUTE_S = 60;

/** BENCH 5: an hour of beats over a world in which nothing happens, by a clock of the bench's own: the pulse looks each second and does its chores each minute. */
export async function idle(world: World): Promise<Line[]> {
  const database = await world.cluster.database({ movableClock: true });
  const { db } = database;
  try {
    const clock = heldClock();
    await applyFiles(db, clock, { files: await readFolder(SAMPLE), author: "system", note: "bench" });
    let calls = 0;
    const model: ModelPort = { generate: () => Promise.reject(new Error(`model call ${(calls += 1)} of an idle hour`)) };
    const engine = await trialEngine({ db, folder: await world.empty("idle"), name: "idle", clock, model });
    const none = (): Promise<never> => Promise.reject(new Error("there are no sensors here"));
    const programs = { current: () => Promise.resolve(new Map()) };
    const { workspaces } = engine;
    const redactor = createRedactor();
    const place = { bounds: { timeoutMs: 60_000, maxBytes: 8_192 }, folder: SAMPLE, sandbox: none, secret: none, wayTo: none };
    const sensors = createSensors({ ...place, db, clock, log: silentLog, redactor, workspaces, programs, changed: () => undefined });
    const options = { db, clock, log: silentLog, changed: () => undefined, chores: usualChores({ db, clock, workspaces, tiers: engine.tiers }), sensors };
    const busy = (): number => processorOfThis() + (canSeeProcesses ? familyProcessorMs(world.cluster.server.processId) : 0);
    const state = { choresDueMs: 0 };
    await takeBeat(options, state); // the first one of a start
    const startMs = performance.now();
    const before = { all: busy(), own: processorOfThis() };
    for (let second = 1; second <= HOUR_S; second += 1) {
      clock.advance(1_000);
      state.choresDueMs = second % MINUTE_S === 0 ? 0 : Number.POSITIVE_INFINITY;
      if (second % MINUTE_S === 0) await database.advance(MINUTE_S * 1_000);
      await takeBeat(options, state);
    }
    const more = { beats: HOUR_S, ownMs: (processorOfThis() - before.own) / HOUR_S, wallMs: performance.now() - startMs };
    const each = (busy() - before.all) / HOUR_S;
    const { rows } = await sql<{ calls: number; spent: number }>`
      select (select count(*) from acts where kind = 'model')::int as calls, (select count(*) from ledger)::int as spent`.execute(db);
    return [
      bounded("idle, a beat", { value: each, unit: "ms", goal: { at: "most", value: 5 }, more }),
      bounded("idle, model calls in an hour", { value: calls + rows[0]!.calls + rows[0]!.spent, unit: "", goal: { at: "most", value: 0 } }),
    ];
  } finally {
    await database.close();
  }
}

function processorOfThis(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
