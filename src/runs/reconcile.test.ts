import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { answerAsk, editAsk } from "#src/asks/answer.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import type { Db } from "#src/database/open.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { costReport } from "#src/ledger/reports.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { effects, effectTool } from "#src/testing/effect-ledger.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, callTools, failWith, say, scriptedModel } from "#src/testing/scripted-model.ts";
import type { Engine } from "./engine.ts";
import { raiseBudget } from "./raise-budget.ts";
import { readState } from "./store/state.ts";

const MANIFEST_WITH_FALLBACK = `apiVersion: loopwright.dev/v1
kind: Workspace
name: chats
models: { strong: "scripted:one", fallbacks: ["scripted:two"] }
prices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }
`;

const ANA = { id: "prn_ana" as const, handle: "ana", roles: ["owner"] as const };

async function chatEngine(
  t: TestContext,
  model: ModelPort,
  more: Record<string, string> = {},
): Promise<{ engine: Engine; ledger: string; advance: (ms: number) => Promise<void>; db: Db }> {
  const { db, advance } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-run-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ledger = join(folder, "effects");
  const tools = (["idempotent", "findable", "once"] as const).map((effect) => effectTool(ledger, { name: `effect.${effect}`, effect }));
  const careful = effectTool(ledger, { name: "effect.careful", effect: "findable" });
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(more), model, tools: [...tools, careful] });
  return { engine, ledger, advance, db };
}

test("a run thinks, performs what was called, and ends with a receipt, a cost and a sound journal", async (t) => {
  const model = scriptedModel([
    callTools([
      { name: "effect.findable", args: { n: 1 } },
      { name: "effect.once", args: { n: 2 } },
    ]),
    say("both done"),
  ]);
  const { engine, ledger, db } = await chatEngine(t, model);
  const runId = await startRun(engine, "helper", "do both");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual(
    { state: run.state, turns: run.turns, acts: acts.map((act) => `${act.kind} ${act.name} ${act.state}`) },
    {
      state: "done",
      turns: 2,
      acts: ["model chat done", "tool effect.findable done", "tool effect.once done", "model chat done"],
    },
  );
  assert.deepEqual(
    (await effects(ledger)).map(({ kind, times }) => ({ kind, times })),
    [
      { kind: "effect.findable", times: 1 },
      { kind: "effect.once", times: 1 },
    ],
  );
  assert.deepEqual(
    model.calls[1]!.messages.map((message) => message.role),
    ["user", "assistant", "tool", "tool"],
  );
  const [cost] = await costReport(db, { by: "all" }, { fromMs: 0, runId });
  assert.deepEqual({ calls: cost!.calls, costNanos: cost!.costNanos, open: cost!.openCalls }, { calls: 2, costNanos: 2 * (100 * 1_000 + 20 * 2_000), open: 0 });
  await sealOnce(db, engine.signer);
  assert.equal((await verifyJournal(db)).kind, "verified");
});

test("an act that policy asks for waits for the person, and happens once after the approval", async (t) => {
  const { engine, ledger, db } = await chatEngine(t, scriptedModel([callTool("effect.careful", { to: "all" }), say("sent")]));
  const runId = await startRun(engine, "helper", "send it");
  await drain(engine);
  const [ask] = await openAsks(db);
  assert.deepEqual(
    { purpose: ask!.purpose, rule: ask!.rule, args: ask!.detail["args"], run: (await readState(db, runId)).run.state },
    { purpose: "act", rule: "careful", args: { to: "all" }, run: "waiting" },
  );
  assert.deepEqual(await effects(ledger), []);
  assert.equal((await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "approve", face: "test" })).kind, "settled");
  await drain(engine);
  assert.equal((await readState(db, runId)).run.state, "done");
  assert.deepEqual(
    (await effects(ledger)).map((effect) => effect.times),
    [1],
  );
});

test("a denied act is told to the model, and nothing happens", async (t) => {
  const model = scriptedModel([callTool("effect.careful"), say("then not")]);
  const { engine, ledger, db } = await chatEngine(t, model);
  await startRun(engine, "helper", "send it");
  await drain(engine);
  const [ask] = await openAsks(db);
  await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "deny", reason: "not today", face: "test" });
  await drain(engine);
  assert.deepEqual(model.calls[1]!.messages.at(-1), {
    role: "tool",
    callId: "call_1_0",
    name: "effect.careful",
    result: { state: "denied", why: "ana said deny: not today" },
  });
  assert.deepEqual(await effects(ledger), []);
});

test("a tool that policy denies, and one that nobody knows, are refused on record and the run goes on", async (t) => {
  const { engine, db } = await chatEngine(t, scriptedModel([callTools([{ name: "effect.forbidden" }, { name: "rm.everything" }]), say("no luck")]));
  const runId = await startRun(engine, "helper", "break something");
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.equal(run.state, "done");
  assert.deepEqual(
    acts.filter((act) => act.kind === "tool").map((act) => act.state),
    ["denied", "denied"],
  );
});

test("a provider that is busy is asked again after the time it named, without anybody holding the run, however far the clock of the process is off", async (t) => {
  const retryAtMs = heldClock().nowMs() + 60_000; // the clock of this engine, far from that of its database
  const model = scriptedModel([failWith("rate_limited", { retryAtMs }), say("back again")]);
  const { engine, db, advance } = await chatEngine(t, model);
  const runId = await startRun(engine, "helper", "hello");
  await drain(engine);
  const parked = await readState(db, runId);
  assert.deepEqual({ state: parked.run.state, act: parked.acts[0]!.state, calls: model.calls.length }, { state: "waiting", act: "waiting", calls: 1 });
  await advance(59_000);
  await drain(engine);
  assert.equal(model.calls.length, 1);
  await advance(8_000); // a little later than named, so that not all who wait come back at one moment
  await drain(engine);
  assert.deepEqual({ state: (await readState(db, runId)).run.state, calls: model.calls.length }, { state: "done", calls: 2 });
});

test("a provider that refuses for good ends the run with its reason, a receipt and one call", async (t) => {
  const model = scriptedModel(() => failWith("not_authorised"));
  const { engine, db } = await chatEngine(t, model);
  const runId = await startRun(engine, "helper", "hello");
  await drain(engine);
  const { run } = await readState(db, runId);
  assert.deepEqual(
    { state: run.state, reason: run.reason, calls: model.calls.length },
    { state: "failed", reason: "model_not_authorised: scripted:one: the script says not_authorised", calls: 1 },
  );
  assert.notEqual(await findReceipt(db, runId), undefined);
});

test("when the first model is down the fallback answers in the same run", async (t) => {
  const model = scriptedModel((call) => (call.model === "scripted:one" ? failWith("overloaded") : say("from the other")));
  const { engine, db } = await chatEngine(t, model, { "loop.yaml": MANIFEST_WITH_FALLBACK });
  const runId = await startRun(engine, "helper", "hello");
  await drain(engine);
  const { run, messages } = await readState(db, runId);
  assert.deepEqual(
    { state: run.state, by: messages.at(-1)!.source, calls: model.calls.map((call) => call.model) },
    { state: "done", by: "scripted:two", calls: ["scripted:one", "scripted:two"] },
  );
});

test("a call that a budget cannot take waits for a person, and goes on when the cap was raised", async (t) => {
  const budget = (capUsd: number) => `apiVersion: loopwright.dev/v1\nkind: Budget\nname: tight\nscope: { workspace: true }\nperiod: month\ncapUsd: ${capUsd}\n`;
  const { engine, db } = await chatEngine(t, scriptedModel([say("hello")]), { "budgets/tight.yaml": budget(0.000_001) });
  const runId = await startRun(engine, "helper", "hello");
  await drain(engine);
  const [ask] = await openAsks(db);
  assert.equal(ask!.purpose, "budget");
  assert.match(ask!.prompt, /tight.*is reached/);
  await testEngine({ db, clock: engine.clock, files: chatWorkspace({ "budgets/tight.yaml": budget(5) }) }); // puts the raised cap in force
  await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "approve", face: "test" });
  await drain(engine);
  assert.equal((await readState(db, runId)).run.state, "done");
});

test("a run that stops its process again and again is quarantined, asked about, and tried again when somebody says so", async (t) => {
  const { engine, db, advance } = await chatEngine(t, scriptedModel([say("fine")]));
  const runId = await startRun(engine, "helper", "hello");
  for (let crash = 0; crash < 6; crash += 1) {
    await sql`update runs set holder = 'dead', fence = fence + 1, tries = tries + 1, due = loop_now() - interval '1 s' where id = ${runId}`.execute(db);
    await advance(11_000);
  }
  await drain(engine);
  assert.equal((await readState(db, runId)).run.state, "quarantined");
  const [ask] = await openAsks(db);
  assert.equal(ask!.purpose, "quarantine");
  await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "try again", face: "test" });
  await drain(engine);
  assert.equal((await readState(db, runId)).run.state, "done");
});

test("an act whose arguments a person changes is asked about anew, happens once with the new ones, and the model is told", async (t) => {
  const model = scriptedModel([callTool("effect.careful", { text: "now" }), say("sent")]);
  const { engine, db, ledger } = await chatEngine(t, model);
  const runId = await startRun(engine, "helper", "write to them");
  await drain(engine);
  const [first] = await openAsks(db);
  await editAsk(db, engine.clock, { askId: first!.id, person: ANA, args: { text: "later" }, face: "test" });
  await drain(engine);
  const [second] = await openAsks(db);
  assert.deepEqual([second!.detail["args"], (await effects(ledger)).length], [{ text: "later" }, 0]);
  await answerAsk(db, engine.clock, { askId: second!.id, person: ANA, answer: "approve", face: "test" });
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual(
    acts.filter((act) => act.kind === "tool").map((act) => [act.state, act.args, act.error?.code ?? null]),
    [
      ["denied", { text: "now" }, "replaced"],
      ["done", { text: "later" }, null],
    ],
  );
  assert.equal((await effects(ledger)).length, 1);
  assert.match(JSON.stringify(model.calls[1]!.messages), /argumentsChangedBy.*ana.*later/);
  assert.equal(run.state, "done");
});

test("a run that calls the same again and again with the same result asks once, goes on when it may, and stops when it may not", async (t) => {
  const model = scriptedModel(() => callTool("effect.idempotent", { again: true }));
  const { engine, db } = await chatEngine(t, model);
  const runId = await startRun(engine, "helper", "loop");
  await drain(engine);
  const asked = async (): Promise<string[]> => (await openAsks(db)).filter(({ purpose }) => purpose === "repeating").map(({ id }) => id);
  const [first] = await asked();
  assert.equal(model.calls.length, 4);
  await answerAsk(db, engine.clock, { askId: first!, person: ANA, answer: "go on", face: "test" });
  await drain(engine);
  const [second] = await asked();
  assert.equal(model.calls.length, 8);
  await answerAsk(db, engine.clock, { askId: second!, person: ANA, answer: "stop", face: "test" });
  await drain(engine);
  const { run } = await readState(db, runId);
  assert.deepEqual([run.state, run.reason?.startsWith("run_repeating: ana did not let it go on"), model.calls.length], ["failed", true, 8]);
});

const pausing = (capUsd: number) =>
  `apiVersion: loopwright.dev/v1\nkind: Budget\nname: tight\nscope: { workspace: true }\nperiod: month\ncapUsd: ${capUsd}\nonReach: pause\n`;

test("a paused budget holds every run behind one question, and raising it for its period lets all of them go on", async (t) => {
  const { engine, db, advance } = await chatEngine(
    t,
    scriptedModel(() => say("fine")),
    { "budgets/tight.yaml": pausing(0.0001) },
  );
  const runs = [await startRun(engine, "helper", "one"), await startRun(engine, "helper", "two"), await startRun(engine, "helper", "three")];
  await drain(engine);
  await advance(2_000); // a run that waited for the calls of others looks again
  await drain(engine);
  const states = async (): Promise<string[]> => Promise.all(runs.map(async (id) => (await readState(db, id)).run.state));
  assert.deepEqual([(await openAsks(db)).map(({ purpose }) => purpose), await states()], [["budget"], ["waiting", "waiting", "waiting"]]);
  const { workspace } = await engine.workspaces.current();
  const place = { db, clock: engine.clock, workspace };
  const by = { by: ANA, face: "test", reason: "the fair is on" };
  await assert.rejects(raiseBudget(place, { budget: "tigth", byUsd: 1, ...by }), { code: "budget_unknown", message: /tight/ });
  const machine = { ...ANA, roles: ["owner", "agent"] as const };
  await assert.rejects(raiseBudget(place, { budget: "tight", byUsd: 1, ...by, by: machine }), { code: "permission_missing" });
  await assert.rejects(raiseBudget(place, { budget: "tight", byUsd: 0, ...by }), { code: "input_invalid" });
  assert.deepEqual(await raiseBudget(place, { budget: "tight", byUsd: 1, ...by }), { budget: "tight", subject: "workspace", answered: 1 });
  await drain(engine);
  assert.deepEqual([await openAsks(db), await states()], [[], ["done", "done", "done"]]);
});

const CALL_NANOS = 140_000; // what the scripted model says it used, at the prices of the workspace

/** One run of two calls, with other files in force from between them on; what the budgets say then that it spent, and whether its slice is closed. */
async function changedBetweenCalls(t: TestContext, before: Record<string, string>, after: Record<string, string>) {
  const model = scriptedModel([callTool("effect.careful", { text: "now" }), say("sent")]);
  const { engine, db } = await chatEngine(t, model, before);
  const runId = await startRun(engine, "helper", "write to them");
  await drain(engine);
  await testEngine({ db, clock: engine.clock, files: chatWorkspace(after) });
  const [ask] = await openAsks(db);
  await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "approve", face: "test" });
  await drain(engine);
  const { rows } = await sql<{ spent: number; granted: number; calls: number; closed: boolean; cost: number }>`
    select coalesce(sum(spent_nanos), 0)::bigint as spent, coalesce(sum(granted_nanos), 0)::bigint as granted,
      (select count(*) from ledger where run_id = ${runId} and state = 'settled') as calls, (select closed from allotments where run_id = ${runId}) as closed,
      (select sum(cost_nanos)::bigint from ledger where run_id = ${runId}) as cost
    from budget_periods`.execute(db);
  return { ...rows[0]!, state: (await readState(db, runId)).run.state };
}

test("a budget that comes into force between two calls of a run counts the second one, and one that goes counts the first alone", async (t) => {
  const capped = { "budgets/all.yaml": pausing(5) };
  const later = await changedBetweenCalls(t, {}, capped);
  const earlier = await changedBetweenCalls(t, capped, {});
  const never = await changedBetweenCalls(t, {}, {});
  for (const seen of [later, earlier, never]) assert.deepEqual([seen.state, seen.calls, seen.closed, seen.granted], ["done", 2, true, seen.spent]);
  assert.deepEqual([later.spent, earlier.spent, never.spent], [CALL_NANOS, CALL_NANOS, 0]);
  assert.equal(never.cost, 2 * CALL_NANOS);
});

test("a run that ends while it still asks somebody marks the ask as stranded, and its last event names it", async (t) => {
  const { engine, db } = await chatEngine(t, scriptedModel([say("done already")]));
  const runId = await startRun(engine, "helper", "hello");
  const asked = { id: "ask_00000000000000000000000001", kind: "question", purpose: "aside", prompt: "Is it so?", detail: {}, options: ["yes"] } as const;
  const terms = { approvers: { names: [], roles: ["owner"] }, quorum: 1, binding: null, rule: null, expiry: [], revision: 1 } as const;
  await openAsk(db, { ...asked, ...terms, runId, actId: null, ticketId: null });
  await drain(engine);
  const { rows } = await sql<{ stranded: boolean; body: string }>`
    select stranded, (select body from events join payloads on event_id = id where kind = 'run.done') as body from asks`.execute(db);
  assert.deepEqual([rows.length, rows[0]!.stranded, (JSON.parse(rows[0]!.body) as { stranded: string[] }).stranded], [1, true, [asked.id]]);
  assert.equal((await readState(db, runId)).run.state, "done");
});
