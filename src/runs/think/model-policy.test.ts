import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { inTransaction } from "#src/database/open.ts";
import { createRun } from "../create.ts";
import type { Engine } from "../engine.ts";
import { readState } from "../store/state.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { failWith, say, sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { agentManifest } from "#src/workspace/manifest/agent.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { modelsFor } from "./model-policy.ts";

const TIERS = { fast: ["w:fast", "w:spare"], strong: ["w:strong", "w:spare"] };
const agentWith = (models: object) => ({ models: agentManifest.shape.models.parse(models), source: "agents/a.yaml" });
const task = (name: string) => ({ name, by: "its purpose" });

const HELPER = (models: string) => `apiVersion: loopwright.dev/v1
kind: Agent
name: helper
runner: model
procedure: chat
models: ${models}
`;

test("a route of the task wins over the agent's tier, that over its default, and that over the workspace; fallbacks follow in order", () => {
  const routed = agentWith({
    default: "p:usual",
    routes: [
      { tasks: ["code", "reason"], model: "p:big" },
      { tasks: ["code"], model: "p:never" },
    ],
    tiers: { fast: "p:quick" },
    fallbacks: ["q:one", "p:big", "q:two"],
  });
  assert.deepEqual(modelsFor(routed, { task: task("code"), tier: "fast" }, TIERS), {
    candidates: ["p:big", "q:one", "q:two"],
    why: "route 1 of agents/a.yaml, for code; the task is code by its purpose",
  });
  assert.deepEqual(modelsFor(routed, { task: task("chat"), tier: "fast" }, TIERS).candidates, ["p:quick", "q:one", "p:big", "q:two"]);
  assert.deepEqual(modelsFor(routed, { task: task("chat"), tier: "strong" }, TIERS).candidates, ["p:usual", "q:one", "p:big", "q:two"]);
  assert.deepEqual(modelsFor(agentWith({}), { task: task("chat"), tier: "strong" }, TIERS).candidates, ["w:strong", "w:spare"]);
  assert.deepEqual(modelsFor(undefined, { task: task("chat"), tier: "fast" }, { fast: [], strong: [] }).candidates, []);
});

async function helper(t: TestContext, models: string, model: ModelPort): Promise<{ engine: Engine; start(task?: string): ReturnType<typeof createRun> }> {
  const { db } = await testDatabase(t);
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace({ "agents/helper.yaml": HELPER(models) }), model });
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  const input = { text: "please mend the parser", source: "ana", trust: "owner" } as const;
  return {
    engine,
    start: (kind) => inTransaction(db, (tx) => createRun(tx, place, { agent: "helper", ticketId: null, threadId: null, labels: {}, task: kind, input })),
  };
}

const ROUTES = "routes: [{ tasks: [code], model: 'scripted:coder' }, { tasks: [chat], model: 'scripted:talker' }]";

test("the task that came with the work chooses the model, and the record says which and why", async (t) => {
  const model = scriptedModel(() => say("done"));
  const { engine, start } = await helper(t, `{ ${ROUTES}, temperature: 0.3, reasoningEffort: low, maxOutputTokens: 77 }`, model);
  const coded = await start("code");
  await drain(engine);
  const talked = await start();
  await drain(engine);
  assert.deepEqual(
    model.calls.map(({ model: name, temperature, reasoningEffort, maxOutputTokens }) => ({ name, temperature, reasoningEffort, maxOutputTokens })),
    ["scripted:coder", "scripted:talker"].map((name) => ({ name, temperature: 0.3, reasoningEffort: "low", maxOutputTokens: 77 })),
  );
  const chosenOf = async (runId: typeof coded) => ((await readState(engine.db, runId)).acts[0]!.decision as { chosen: unknown }).chosen;
  assert.deepEqual(await chosenOf(coded), {
    model: "scripted:coder",
    task: "code",
    why: "route 1 of agents/helper.yaml, for code; the task is code by whoever brought the work",
  });
  assert.deepEqual(await chosenOf(talked), {
    model: "scripted:talker",
    task: "chat",
    why: "route 2 of agents/helper.yaml, for chat; the task is chat by its purpose",
  });
});

test("a classifier picks the task once, by the fast tier, in a call that is on the record and in the ledger; its failure is not the run's", async (t) => {
  let broken = false;
  const model = scriptedModel((call) => {
    if (call.output?.name !== "task") return say("done");
    return broken ? failWith("bad_request") : sayObject({ task: "code" });
  });
  const { engine, start } = await helper(t, `{ ${ROUTES}, taskFrom: classifier }`, model);
  const runId = await start();
  await drain(engine);
  assert.deepEqual(
    model.calls.map((call) => [call.model, call.output?.name ?? "chat", call.maxOutputTokens]),
    [
      ["scripted:one", "task", 1_024],
      ["scripted:coder", "chat", 4_096],
    ],
  );
  assert.deepEqual(
    model.calls[1]!.messages.map(({ role }) => role),
    ["user"],
  ); // whoever answers is not told what the classifier said
  const { run, acts, messages } = await readState(engine.db, runId);
  assert.deepEqual([run.state, acts.map(({ name }) => name), messages.map(({ name }) => name)], ["done", ["task", "chat"], [null, "task", "chat"]]);
  const { rows } = await sql<{ n: number }>`select count(*) as n from ledger where labels ->> 'purpose' = 'task' and cost_nanos > 0`.execute(engine.db);
  assert.deepEqual(rows, [{ n: 1 }]);
  broken = true;
  const second = await start();
  await drain(engine);
  assert.equal((await readState(engine.db, second)).run.state, "done");
  assert.equal(model.calls.at(-1)!.model, "scripted:talker");
  await start("code");
  await drain(engine);
  assert.deepEqual([model.calls.length, model.calls.at(-1)!.model], [5, "scripted:coder"]); // somebody said what it is: nobody asks
});

test("a model of a provider that is nowhere described is an error where it is written, with the nearest name", () => {
  const files = chatWorkspace({
    "models/litellm.yaml": "apiVersion: loopwright.dev/v1\nkind: ModelProvider\nname: litellm\nwire: openai-compatible\nbaseUrl: http://127.0.0.1:4000\n",
    "agents/helper.yaml": HELPER("{ default: 'litelm:gpt-5', routes: [{ tasks: [code], model: 'litellm:gpt-5' }], fallbacks: ['openai:gpt-5', 'nobody:x'] }"),
  });
  const parsed = parseWorkspace(files);
  assert.deepEqual(parsed.kind === "problems" && parsed.problems.map(({ file, path, seen, hint }) => [file, path, seen, hint]), [
    ["agents/helper.yaml", "models.default", "the provider litelm, which is nowhere described", "Did you mean litellm?"],
    ["agents/helper.yaml", "models.fallbacks[1]", "the provider nobody, which is nowhere described", undefined],
  ]);
});
