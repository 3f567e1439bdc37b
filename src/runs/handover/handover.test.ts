import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelCall, ModelPort } from "#src/acts/ports/model-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Db } from "#src/database/open.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, callTools, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { cancelOrphans, cancelRun } from "../command.ts";
import type { Engine } from "../engine.ts";
import { readState } from "../store/state.ts";

const agent = (name: string, more: string): string => `apiVersion: loopwright.dev/v1
kind: Agent
name: ${name}
runner: model
procedure: chat
instructions: You are ${name}.
${more}
`;

const ANA = { id: "prn_ana" as const, handle: "ana", roles: ["owner"] as const };

async function world(
  t: TestContext,
  of: { model: ModelPort; agents: Record<string, string>; tools?: readonly ToolPort[]; more?: Record<string, string> },
): Promise<{ engine: Engine; db: Db }> {
  const { db } = await testDatabase(t);
  const files = Object.fromEntries(Object.entries(of.agents).map(([name, more]) => [`agents/${name}.yaml`, agent(name, more)]));
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace({ ...files, ...of.more }), model: of.model, tools: of.tools ?? [] });
  return { engine, db };
}

const who = (call: ModelCall): string => /^You are (\w+)/.exec(call.system)?.[1] ?? "?";
const last = (call: ModelCall) => call.messages.at(-1)!;

const tool = (name: string, effect: ToolPort["effect"] = "idempotent", made: string[] = []): ToolPort => ({
  name,
  description: "",
  schema: { type: "object" },
  effect,
  invoke: () => Promise.resolve((made.push(name), { ok: true })),
});

test("a run that is handed over goes on with the other agent, its instructions and tools, and the record says who, to whom, why and in which state", async (t) => {
  const model = scriptedModel((call) =>
    who(call) === "first" ? callTool("handoff.second", { reason: "it is about money", goal: "refund it", evidence: "order 7" }) : say("refunded"),
  );
  const { engine, db } = await world(t, {
    model,
    agents: { first: "tools: [effect.once]\nhandoffs: [second]", second: "tools: [effect.once, effect.idempotent]" },
    tools: [tool("effect.once", "once"), tool("effect.idempotent")],
  });
  const runId = await startRun(engine, "first", "my money back");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, run.agent, run.brief.chain, run.limits.givers], ["done", "second", ["first", "second"], ["first"]]);
  assert.deepEqual(
    model.calls.map((call) => [who(call), call.tools.map(({ name }) => name)]),
    [
      ["first", ["effect.once", "handoff.second"]],
      ["second", ["effect.once"]], // no more than whoever gave may call
    ],
  );
  const said = last(model.calls[1]!);
  assert.ok(
    said.role === "user" && /first handed this over to second: it is about money[^]*Goal: refund it[^]*order 7[^]*give it back to first/.test(said.text),
  );
  const { rows } = await sql<{ body: string }>`select body from payloads join events on id = event_id where kind = 'run.handed_over'`.execute(db);
  const { from, to, reason, returnTo, state } = JSON.parse(rows[0]!.body);
  const handover = acts.find(({ kind }) => kind === "handoff")!;
  assert.deepEqual(
    [rows.length, from, to, reason, returnTo, state, handover.state],
    [1, "first", "second", "it is about money", "first", { run: runId, turn: 1 }, "done"],
  );
});

test("whoever takes over may do no more than whoever gave, and gets its own authority back when the run returns", async (t) => {
  const made: string[] = [];
  const steps: Record<string, () => ReturnType<typeof say>> = {
    second: () => callTool("effect.once"),
    "second:denied": () => callTool("handoff.first", { reason: "I may not" }),
    first: () => callTool("handoff.second", { reason: "yours" }),
    "first:back": () => callTool("effect.idempotent"),
    "first:done": () => say("done"),
  };
  let firstCalls = 0;
  const model = scriptedModel((call) => {
    if (who(call) === "second") return last(call).role === "tool" ? steps["second:denied"]!() : steps["second"]!();
    firstCalls += 1;
    return steps[["first", "first:back", "first:done"][firstCalls - 1]!]!();
  });
  const tools = [tool("effect.once", "once", made), tool("effect.idempotent", "idempotent", made)];
  const agents = { first: "tools: [effect.idempotent]\nhandoffs: [second]", second: "tools: [effect.once]\nhandoffs: [first]" };
  const { engine, db } = await world(t, { model, agents, tools });
  const runId = await startRun(engine, "first", "go");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, run.agent, run.brief.chain, run.limits.givers, made], ["done", "first", ["first"], [], ["effect.idempotent"]]);
  const denied = acts.find(({ name }) => name === "effect.once")!;
  assert.deepEqual(
    [denied.state, denied.error?.code, /does not offer effect\.once to first/.test(denied.error!.message)],
    ["denied", "denied_by_policy", true],
  );
});

test("no agent has a run twice but by return, nobody beyond five, and only agents that the file names", async (t) => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const agents = Object.fromEntries(names.map((name, index) => [name, `handoffs: [${[names[index + 1], "a"].filter(Boolean).join(", ")}]`]));
  const model = scriptedModel((call) => {
    const me = who(call);
    const next = names[names.indexOf(me) + 1];
    if (last(call).role === "tool") return say(JSON.stringify((last(call) as { result: unknown }).result));
    if (me === "c")
      return callTools([
        { name: "handoff.d", args: { reason: "on" } },
        { name: "handoff.e", args: { reason: "never begun" } },
      ]);
    return me === "e"
      ? callTools([
          { name: "handoff.a", args: { reason: "round" } },
          { name: "handoff.f", args: { reason: "further" } },
          { name: "handoff.z", args: { reason: "who?" } },
        ])
      : callTool(`handoff.${next}`, { reason: "on" });
  });
  const { engine, db } = await world(t, { model, agents });
  const runId = await startRun(engine, "a", "go");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, run.agent, run.brief.chain], ["done", "e", ["a", "b", "c", "d", "e"]]);
  assert.deepEqual(
    acts.filter(({ kind }) => kind === "handoff").map(({ name, state, error }) => [name, state, error?.message ?? null]),
    [
      ["handoff.b", "done", null],
      ["handoff.c", "done", null],
      ["handoff.d", "done", null],
      ["handoff.e", "cancelled", null],
      ["handoff.e", "done", null],
      ["handoff.a", "denied", "a had this run before; it can only go back to d, who gave it"],
      ["handoff.f", "denied", "5 agents had this run, and that is the most: a, b, c, d, e"],
      ["handoff.z", "denied", "there is no agent z in the workspace"],
    ],
  );
});

test("a part that is given away is a run of its own under the giver's authority; its end wakes the giver, who gets its answer and its taint", async (t) => {
  const made: string[] = [];
  const model = scriptedModel((call) => {
    if (who(call) === "boss")
      return last(call).role === "tool"
        ? say(`boss: ${JSON.stringify((last(call) as { result: unknown }).result)}`)
        : callTool("delegate.helper2", { goal: "count them", evidence: "there are many" });
    return last(call).role === "tool" ? say("there are three") : callTools([{ name: "effect.once" }, { name: "effect.idempotent" }]);
  });
  const tools = [tool("effect.once", "once", made), tool("effect.idempotent", "idempotent", made)];
  const { engine, db } = await world(t, {
    model,
    agents: { boss: "tools: [effect.idempotent]\ndelegates: [helper2]", helper2: "tools: [effect.once, effect.idempotent]" },
    tools,
  });
  const runId = await startRun(engine, "boss", "how many?");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  const given = acts.find(({ kind }) => kind === "handoff")!;
  const { run: childId, said } = given.result as { run: string; said: string };
  const child = await readState(db, childId);
  assert.deepEqual([run.state, given.state, said, given.facts.untrusted], ["done", "done", "there are three", true]);
  assert.deepEqual([child.run.parentRunId, child.run.limits.givers, child.run.brief.root, made], [runId, ["boss"], runId, ["effect.idempotent"]]);
  assert.equal(child.acts.find(({ name }) => name === "effect.once")!.state, "denied");
});

test("a part that fails is told to the giver, and cancelling the giver cancels what it gave away", async (t) => {
  const model = scriptedModel((call) =>
    who(call) === "boss" ? (last(call).role === "tool" ? say("it failed") : callTool("delegate.helper2", { goal: "try" })) : callTool("effect.careful"),
  );
  const agents = { boss: "tools: [effect.careful]\ndelegates: [helper2]", helper2: "tools: [effect.careful]" };
  const { engine, db } = await world(t, { model, agents, tools: [tool("effect.careful")] });
  const first = await startRun(engine, "boss", "one");
  const second = await startRun(engine, "boss", "two");
  const third = await startRun(engine, "boss", "three");
  await drain(engine); // each part waits for an approval now
  const childOf = async (runId: string) => ((await readState(db, runId)).acts.find(({ kind }) => kind === "handoff")!.handle as { runId: string }).runId;
  await cancelRun(db, engine.clock, { runId: await childOf(first), by: ANA, reason: "not that" });
  await cancelRun(db, engine.clock, { runId: second, by: ANA, reason: "none of it" });
  await sql`update runs set state = 'cancelled', ended_at = loop_now(), due = null, holder = null where id = ${third}`.execute(db); // and died before the rest
  assert.equal(await cancelOrphans(db, engine.clock), 1);
  await drain(engine);
  const states = async (runId: string) => [(await readState(db, runId)).run.state, (await readState(db, await childOf(runId))).run.state];
  assert.deepEqual(
    [await states(first), await states(second), await states(third)],
    [
      ["done", "cancelled"],
      ["cancelled", "cancelled"],
      ["cancelled", "cancelled"],
    ],
  );
  const told = (await readState(db, first)).acts.find(({ kind }) => kind === "handoff")!;
  assert.deepEqual([told.state, told.error?.code], ["failed", "delegate_cancelled"]);
});

test("giving on and on ends at a depth, at a number of parts, and never reaches the same agent twice", async (t) => {
  const names = ["a", "b", "c", "d", "e"];
  const agents = Object.fromEntries(
    names.map((name, index) => [name, `delegates: [${[names[index + 1], names[0]].filter((other) => other && other !== name).join(", ")}]\nmaxTurns: 4`]),
  );
  const model = scriptedModel((call) => {
    const me = who(call);
    if (last(call).role === "tool") return say("enough");
    const next = names[names.indexOf(me) + 1] ?? "a";
    return callTools([
      { name: `delegate.${next}`, args: { goal: "all of it" } },
      ...(me === "a" ? Array.from({ length: 10 }, () => ({ name: "delegate.b", args: { goal: "more" } })) : [{ name: "delegate.a", args: { goal: "back" } }]),
    ]);
  });
  const { engine, db } = await world(t, { model, agents });
  await startRun(engine, "a", "go");
  await drain(engine);
  const { rows } = await sql<{ runs: number; open: number; deepest: number }>`
    select count(*)::int as runs, count(*) filter (where ended_at is null)::int as open, max(jsonb_array_length(coalesce(limits->'givers', '[]')))::int as deepest from runs`.execute(
    db,
  );
  assert.deepEqual([rows[0]!.open, rows[0]!.deepest], [0, 3]);
  assert.ok(rows[0]!.runs <= 24, `${rows[0]!.runs} runs`);
  const { rows: parts } = await sql<{
    most: number;
  }>`select max(n)::int as most from (select count(*) as n from runs where parent_run_id is not null group by parent_run_id) x`.execute(db);
  assert.equal(parts[0]!.most, 8);
});

test("a budget per run counts the run and all that it gave away together", async (t) => {
  const model = scriptedModel((call) =>
    who(call) === "boss" ? (last(call).role === "tool" ? say("done") : callTool("delegate.helper2", { goal: "x" })) : say("y"),
  );
  const budget = "apiVersion: loopwright.dev/v1\nkind: Budget\nname: each-run\nscope: { each: run }\nperiod: run\ncapUsd: 5\n";
  const { engine, db } = await world(t, { model, agents: { boss: "delegates: [helper2]", helper2: "" }, more: { "budgets/run.yaml": budget } });
  const runId = await startRun(engine, "boss", "go");
  await drain(engine);
  const { rows } = await sql<{ subject: string }>`select distinct subject from budget_periods where budget = 'each-run'`.execute(db);
  assert.deepEqual(rows, [{ subject: `run=${runId}` }]);
});
