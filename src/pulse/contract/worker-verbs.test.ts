import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { systemClock } from "#src/kernel/clock.ts";
import { authenticate } from "#src/people/token.ts";
import type { Caller } from "#src/people/principal.ts";
import { threadsWithoutTurn } from "#src/runs/store/turns.ts";
import { testDatabase } from "#src/testing/database.ts";
import { scriptedWorkers } from "#src/testing/scripted-worker.ts";
import { workerStage, workerWorkspace } from "#src/testing/worker-stage.ts";
import { LOOP_VERBS } from "./verbs.ts";

/** What came over the contract, as loosely typed as JSON. */
type Said = ReturnType<typeof JSON.parse>;

async function stageOf(t: TestContext, files = workerWorkspace()) {
  const { db } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-verbs-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = scriptedWorkers({ clock: systemClock });
  const stage = await workerStage({ db, folder, port, files });
  t.after(stage.stop);
  const say = async (name: string, input: object = {}, caller: Caller = stage.root): Promise<Said> => {
    const verb = LOOP_VERBS.find((one) => one.name === name)!;
    const said = await verb.perform(stage.deps, { caller, signal: t.signal }, verb.input.parse(input));
    return verb.output.parse(said);
  };
  const workerOf = async (index: number): Promise<Caller> => (await authenticate(db, port.started[index]!.spec.env["LOOP_TOKEN"]!))!;
  return { ...stage, port, db, say, workerOf };
}

const fails = (said: Promise<unknown>, code: string, words: RegExp) =>
  assert.rejects(said, (error: { code: string; message: string }) => error.code === code && words.test(error.message));

test("a start says that it started, waits for a person, or was refused and why", async (t) => {
  const { say } = await stageOf(t);
  const started = await say("worker start", { id: "a", prompt: "go" });
  assert.deepEqual([started.state, started.askId], ["started", null]);
  await fails(say("worker start", { id: "a", prompt: "go" }), "worker_exists", /worker a is already running/);
  const asked = await say("worker start", { id: "b", prompt: "go", command: "mine {{prompt_file}}" });
  assert.deepEqual([asked.state, typeof asked.askId], ["asked", "string"]);
  for (const id of ["c", "d"]) await say("worker start", { id, prompt: "go" });
  await fails(say("worker start", { id: "e", prompt: "go" }), "worker_unavailable", /The worker e was not started. The fleet is full: 3 of 3/);
});

test("names that are not for workers, prompts without words and commands without a prompt are refused", async (t) => {
  const { say } = await stageOf(t);
  for (const id of ["pulse", "../x", ".x", "a/b", ""]) await assert.rejects(say("worker start", { id, prompt: "go" }), /expected/, id);
  await assert.rejects(say("worker start", { id: "a", prompt: " " }), /expected what it is to do/);
  await assert.rejects(say("worker start", { id: "a", prompt: "go", command: "mine" }), /prompt_file/);
  await assert.rejects(say("worker kill", { id: "pulse" }), /not pulse/);
  await fails(say("worker kill", { id: "nobody" }), "worker_unknown", /no worker nobody that runs/);
});

test("without an agent that starts a program nobody is started, and the words say what to add", async (t) => {
  const header = "apiVersion: loopwright.dev/v1\nkind: ";
  const files = new Map([
    ["loop.yaml", Buffer.from(`${header}Workspace\nname: works\n`)],
    ["agents/desk.yaml", Buffer.from(`${header}Agent\nname: desk\n`)],
  ]);
  const { say } = await stageOf(t, files);
  await fails(say("worker start", { id: "a", prompt: "go" }), "agent_unknown", /agents\/worker.yaml with `runner: command`/);
  await fails(say("worker start", { id: "a", prompt: "go", agent: "desk" }), "input_invalid", /desk starts no program/);
});

test("the list shows who lives, and with all who ended; what a worker printed and its screen are shown", async (t) => {
  const { say, port, settle } = await stageOf(t);
  await say("worker start", { id: "a", prompt: "go" });
  await say("worker start", { id: "b", prompt: "go", verify: "true" });
  const [a, b] = port.started.map(({ key }) => key) as [string, string];
  port.print(a, "hello\n");
  assert.equal((await say("worker log", { id: "a" })).text, "hello\n");
  assert.deepEqual((await say("worker screenshot", { id: "a" })).lines, ["hello"]);
  port.exit(b, 2);
  await settle();
  const names = async (all: boolean) =>
    (await say("worker list", all ? { all: "true" } : {})).workers.map((one: Said) => `${one.name} ${one.health} ${one.state} ${one.exitCode} ${one.verify}`);
  assert.deepEqual(await names(false), ["a busy running null null"]);
  assert.deepEqual(await names(true), ["a busy running null null", "b dead exited 2 unreadable"]);
  await fails(say("worker log", { id: "zed" }), "worker_unknown", /no worker zed/);
});

test("killed by another name of old, and by itself; another worker it may not", async (t) => {
  const { say, workerOf } = await stageOf(t);
  for (const id of ["a", "b"]) await say("worker start", { id, prompt: "go" });
  const a = await workerOf(0);
  await fails(say("kill", { id: "b" }, a), "permission_missing", /a is a worker and may do this only for itself/);
  assert.deepEqual(await say("kill", {}, a), { name: "a", state: "ended" });
  assert.deepEqual(await say("worker kill", { id: "loop-b" }), { name: "b", state: "ended" });
});

test("what is told is heard once, in order, by that run alone; whoever does not run is told nothing", async (t) => {
  const { say, port, workerOf, settle, db } = await stageOf(t);
  await say("worker start", { id: "a", prompt: "go" });
  const a = await workerOf(0);
  for (const text of ["first", "second"]) await say("tell", { worker: "a", text });
  assert.deepEqual(await threadsWithoutTurn(db, 10), [], "no agent begins a turn with it");
  assert.deepEqual(
    (await say("told", {}, a)).messages.map(({ text, from }: Said) => `${from}: ${text}`),
    ["agent:root: first", "agent:root: second"],
  );
  assert.deepEqual((await say("told", {}, a)).messages, []);
  await fails(say("told", { worker: "b" }, a), "permission_missing", /only for itself/);
  await say("tell", { worker: "a", text: "too late" });
  port.exit(port.started[0]!.key, 1);
  await settle();
  await fails(say("tell", { worker: "a", text: "?" }), "worker_unknown", /nobody would read it/);
  await say("worker start", { id: "a", prompt: "again" });
  assert.deepEqual((await say("told", {}, await workerOf(1))).messages, [], "what the one before did not hear is not for this one");
});

test("two that ask what they were told at once hear each message once", async (t) => {
  const { say, workerOf } = await stageOf(t);
  await say("worker start", { id: "a", prompt: "go" });
  const a = await workerOf(0);
  await Promise.all(Array.from({ length: 8 }, (_, index) => say("tell", { worker: "a", text: `m${index}` })));
  const heard = (await Promise.all([1, 2, 3].map(() => say("told", {}, a)))).flatMap(({ messages }) => messages.map(({ text }: Said) => text));
  assert.deepEqual(
    heard.toSorted((a: string, b: string) => a.localeCompare(b)),
    ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7"],
  );
});

test("a reported cost is a row of the ledger against the run and its budgets; what is no amount above 0 is dropped", async (t) => {
  const budget = "apiVersion: loopwright.dev/v1\nkind: Budget\nname: coder\nscope: { agent: coder }\nperiod: day\ncapUsd: 1\n";
  const { say, db, workerOf } = await stageOf(t, workerWorkspace({ "budgets/coder.yaml": budget }));
  const { runId } = await say("worker start", { id: "a", prompt: "go" });
  const a = await workerOf(0);
  for (const usd of ["0", "-1", "NaN", "junk", "Infinity", 0, -2])
    assert.deepEqual(await say("cost", { kind: "worker", id: "a", runner: "pi", usd }, a), { recorded: false });
  assert.deepEqual(await say("cost", { kind: "worker", id: "a", runner: "pi", usd: "0.25" }, a), { recorded: true });
  assert.deepEqual(await say("cost", { kind: "judge", id: "root", runner: "claude", usd: 0.5 }), { recorded: true });
  await fails(say("cost", { kind: "worker", id: "b", runner: "pi", usd: "1" }, a), "permission_missing", /only for itself/);
  const { rows } = await sql`select run_id, agent, labels, cost_nanos::float8 as nanos, source from ledger order by at`.execute(db);
  assert.deepEqual(rows, [
    { run_id: runId, agent: "coder", labels: { kind: "worker", runner: "pi", worker: "a" }, nanos: 250_000_000, source: "self-reported" },
    { run_id: null, agent: "root", labels: { kind: "judge", runner: "claude", worker: "root" }, nanos: 500_000_000, source: "self-reported" },
  ]);
  const { rows: allotted } = await sql<{ spent: number }>`select spent_nanos::float8 as spent from allotments where run_id = ${runId}`.execute(db);
  assert.deepEqual(allotted, [{ spent: 250_000_000 }]);
});

test("a worker whose question nobody answered is stranded when it ends, and can still be answered", async (t) => {
  const { say, port, workerOf, settle } = await stageOf(t);
  await say("worker start", { id: "a", prompt: "go" });
  await say("ask", { prompt: "Merge?", options: ["yes", "no"] }, await workerOf(0));
  assert.equal((await say("worker list")).workers[0].health, "waiting-ask");
  port.die(port.started[0]!.key, "SIGKILL");
  await settle();
  const { asks } = await say("asks");
  assert.deepEqual([asks[0].alias, asks[0].stranded], ["a-1", true]);
  assert.equal((await say("answer", { ask: "a-1", text: "yes" })).answer, "yes");
});
