import { claim } from "#src/leases/store/claim.ts";
import { park } from "#src/leases/store/park.ts";
import { wake } from "#src/leases/store/wake.ts";
import { compare, type Line, withoutReference } from "./measure.ts";
import { loadReference, NOT_INSTALLED } from "./references.ts";
import { heldRun, turnOf } from "./turn.ts";
import type { World } from "./world.ts";

const TURNS = 60;
const DBOS_GOAL = { at: "most", value: 0.35 } as const;
const LANGGRAPH_GOAL = { at: "most", value: 0.2 } as const;

/** BENCH 1 against other systems on the same Postgres: one turn each, the model answers at once, everything durable. */
export async function turnReferences(world: World, rounds: number): Promise<Line[]> {
  return [...(await againstDbos(world, rounds)), await againstLanggraph(world, rounds)];
}

/** What a turn holds in our record, for them to keep too. */
const CONTENT = { text: "done", toolCalls: [], usage: { input: 100, output: 20 } };

async function perTurn(turn: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let made = 0; made < TURNS; made += 1) await turn();
  return (performance.now() - startMs) / TURNS;
}

/** The members that are used of https://docs.dbos.dev/typescript/reference/methods */
interface Dbos {
  setConfig(config: { name: string; systemDatabaseUrl: string; logLevel: string; runAdminServer: boolean }): void;
  registerWorkflow<A extends unknown[], R>(work: (...args: A) => Promise<R>, options: { name: string }): (...args: A) => Promise<R>;
  runStep<T>(step: () => Promise<T>, options: { name: string }): Promise<T>;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Two durable steps stand for intent and outcome: inside one workflow that goes on, and as a workflow of its own for each turn, which is what a claimed and parked run is. */
async function againstDbos(world: World, rounds: number): Promise<Line[]> {
  const names = { steps: "turn / DBOS, two steps", workflow: "turn / DBOS, workflow" };
  const load = await loadReference("dbos");
  if (!load) return Object.values(names).map((name) => withoutReference(name, { goal: DBOS_GOAL, why: NOT_INSTALLED }));
  const { DBOS } = (await load("@dbos-inc/dbos-sdk")) as { DBOS: Dbos };
  const database = await world.fresh(1);
  DBOS.setConfig({ name: "bench", systemDatabaseUrl: database.url, logLevel: "error", runAdminServer: false });
  const twoSteps = async (): Promise<void> => {
    await DBOS.runStep(() => Promise.resolve({ intent: CONTENT }), { name: "intent" });
    await DBOS.runStep(() => Promise.resolve({ outcome: CONTENT }), { name: "outcome" });
  };
  const many = DBOS.registerWorkflow(() => perTurn(twoSteps), { name: "many" });
  const one = DBOS.registerWorkflow(twoSteps, { name: "one" });
  await DBOS.launch();
  const { db } = world.database;
  const lease = await heldRun(world);
  let seq = 1;
  const turn = () => turnOf(world, lease, (seq += 1));
  try {
    const steps = await compare({ name: names.steps, unit: "ms", rounds, goal: DBOS_GOAL, ours: () => perTurn(turn), reference: many });
    await park(db, lease);
    const claimed = async (): Promise<void> => {
      await wake(db, [lease.runId]);
      const [again] = await claim(db, { limit: 1, holder: "bench", leaseMs: 10_000 });
      await turnOf(world, again!, (seq += 1));
      await park(db, again!);
    };
    const workflow = await compare({ name: names.workflow, unit: "ms", rounds, goal: DBOS_GOAL, ours: () => perTurn(claimed), reference: () => perTurn(one) });
    return [steps, workflow];
  } finally {
    await DBOS.shutdown();
    await database.close();
  }
}

/** The members that are used of https://langchain-ai.github.io/langgraphjs/reference/ */
interface Langgraph {
  readonly START: string;
  readonly END: string;
  readonly Annotation: (() => unknown) & { Root(members: Readonly<Record<string, unknown>>): unknown };
  readonly StateGraph: new (state: unknown) => Graph;
}
interface Graph {
  addNode(name: string, work: (state: unknown) => object): Graph;
  addEdge(from: string, to: string): Graph;
  compile(options: { checkpointer: unknown }): {
    invoke(input: object, options: { configurable: { thread_id: string }; durability: "sync" }): Promise<unknown>;
  };
}
interface Saver {
  setup(): Promise<void>;
  end(): Promise<void>;
}

async function againstLanggraph(world: World, rounds: number): Promise<Line> {
  const name = "turn / LangGraph, Postgres saver";
  const load = await loadReference("langgraph");
  if (!load) return withoutReference(name, { goal: LANGGRAPH_GOAL, why: NOT_INSTALLED });
  const { StateGraph, Annotation, START, END } = (await load("@langchain/langgraph")) as Langgraph;
  const { PostgresSaver } = (await load("@langchain/langgraph-checkpoint-postgres")) as { PostgresSaver: { fromConnString(url: string): Saver } };
  const database = await world.fresh(1);
  const saver = PostgresSaver.fromConnString(database.url);
  await saver.setup();
  const state = Annotation.Root({ said: Annotation() });
  const graph = new StateGraph(state)
    .addNode("model", () => ({ said: CONTENT }))
    .addEdge(START, "model")
    .addEdge("model", END)
    .compile({ checkpointer: saver });
  const lease = await heldRun(world);
  let [seq, thread] = [1, 0];
  try {
    return await compare({
      name,
      unit: "ms",
      rounds,
      goal: LANGGRAPH_GOAL,
      ours: () => perTurn(() => turnOf(world, lease, (seq += 1))),
      reference: () => {
        thread += 1;
        return perTurn(() => graph.invoke({ said: CONTENT }, { configurable: { thread_id: `thread-${thread}` }, durability: "sync" }));
      },
    });
  } finally {
    await saver.end();
    await database.close();
  }
}
