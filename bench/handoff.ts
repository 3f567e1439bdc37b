import { systemClock } from "#src/kernel/clock.ts";
import type { Engine } from "#src/runs/engine.ts";
import { readState } from "#src/runs/store/state.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { compare, type Line } from "./measure.ts";
import type { World } from "./world.ts";

const RUNS_A_SAMPLE = 10;
const NAMES = ["a", "b", "c", "d"];

/** A run that goes through four agents, each of which thinks once, against a run of one agent that thinks once; from its making to its receipt. */
export async function handoff(world: World, rounds: number): Promise<Line[]> {
  const { db } = await world.fresh(8);
  const agents = NAMES.map((name, index) => [`agents/${name}.yaml`, agentFile(name, NAMES[index + 1])] as const);
  const model = scriptedModel(({ system }) => {
    const next = NAMES[NAMES.indexOf(system.slice(-1)) + 1];
    return next === undefined ? say("done") : callTool(`handoff.${next}`, { reason: "yours" });
  });
  const engine = await testEngine({ db, clock: systemClock, files: chatWorkspace(Object.fromEntries(agents)), model });
  const goal = { at: "most", value: 5 } as const;
  return [await compare({ name: "handoff, 4 agents", unit: "ms", rounds, goal, ours: () => timed(engine, "a"), reference: () => timed(engine, "d") })];
}

const agentFile = (name: string, next: string | undefined): string =>
  `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\ninstructions: You are ${name}\n${next === undefined ? "" : `handoffs: [${next}]\n`}`;

async function timed(engine: Engine, first: string): Promise<number> {
  const startMs = performance.now();
  for (let made = 0; made < RUNS_A_SAMPLE; made += 1) {
    const runId = await startRun(engine, first, "go");
    await drain(engine);
    if (made === 0) await requireEnd(engine, runId);
  }
  return (performance.now() - startMs) / RUNS_A_SAMPLE;
}

async function requireEnd({ db }: Engine, runId: string): Promise<void> {
  const { run } = await readState(db, runId);
  if (run.state !== "done" || run.agent !== "d") throw new Error(`the chain ended with ${run.agent}, ${run.state}: ${run.reason ?? ""}`);
}
