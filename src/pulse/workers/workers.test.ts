import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { receiveText } from "#src/intake/receive.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { authenticate } from "#src/people/token.ts";
import { cancelRun } from "#src/runs/command.ts";
import { readState } from "#src/runs/store/state.ts";
import { drain } from "#src/testing/engine.ts";
import { scriptedWorkers } from "#src/testing/scripted-worker.ts";
import { testDatabase } from "#src/testing/database.ts";
import { type StageOptions, workerStage, workerWorkspace } from "#src/testing/worker-stage.ts";
import { workers } from "../store/workers.ts";
import { killWorker } from "./kill-worker.ts";
import { startWorker, type WorkerOrder } from "./start-worker.ts";

/** A sandbox whose commands end as the test says; null: a time limit ended it. */
const sandboxOf = (exitCode: number | null, ran: string[] = []): SandboxPort => ({
  name: "scripted",
  available: async () => ({ ok: true }),
  async run({ argv, cwd }) {
    ran.push(`${argv.at(-1)} in ${cwd}`);
    return { exitCode, timedOut: exitCode === null, stdout: "", stderr: "", truncated: false };
  },
  start: () => Promise.reject(new Error("nothing goes on here")),
  wrap: () => Promise.reject(new Error("nothing is wrapped here")),
});

async function stageOf(t: TestContext, more: Partial<Omit<StageOptions, "port">> = {}) {
  const { db, advance } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-workers-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = scriptedWorkers({ clock: systemClock });
  const stage = await workerStage({ db, folder, port, ...more });
  t.after(stage.stop);
  const start = async (order: Partial<WorkerOrder> = {}) => {
    const made = await startWorker({ ...stage.deps, changed: () => undefined }, stage.root, { name: "fix-login", prompt: "Mend the login.", ...order });
    await stage.settle();
    const [act] = (await readState(db, made.runId)).acts;
    return { ...made, act: act! };
  };
  const row = async (name = "fix-login") => (await workers(db, { name }))[0]!;
  const state = (runId: string) => readState(db, runId);
  return { ...stage, port, db, folder, advance, start, row, state };
}

test("a worker is a ticket with its name, a run and an act that waits, and it has its rules, its task and a credential of its own", async (t) => {
  const { start, row, port, state, db } = await stageOf(t);
  const { act, runId } = await start();
  assert.equal(act.state, "waiting");
  const { run, ticket } = await state(runId);
  assert.deepEqual([run.state, run.procedure, ticket?.alias, ticket?.status], ["waiting", "worker", "fix-login", "dispatched"]);
  assert.deepEqual([(await row()).state, (await row()).health, (await row()).alive], ["running", "busy", true]);
  const { spec } = port.started[0]!;
  const promptFile = spec.argv.at(-1)!.replace("agent ", "");
  const prompt = await readFile(promptFile, "utf8");
  assert.match(prompt, /You are the worker `fix-login`/);
  assert.ok(prompt.endsWith("# Your task\n\nMend the login.\n"));
  assert.deepEqual(
    [spec.env["LOOP_SESSION_ID"], spec.env["COLOUR"], spec.env["KEY"], spec.env["LOOP_HOME"]],
    ["fix-login", "red", "value of secret:agent-key", undefined],
  );
  const caller = await authenticate(db, spec.env["LOOP_TOKEN"]!);
  assert.deepEqual([caller?.handle, caller?.runId, caller?.scopes], ["agent:coder", runId, ["read", "pulse:work"]]);
});

test("exited with 0 is said and not done: without a check the ticket is for review, and the credential opens nothing any more", async (t) => {
  const { start, port, settle, state, row, db } = await stageOf(t);
  const { act, runId } = await start();
  port.print(act.key, "all is mended\n");
  port.exit(act.key, 0);
  await settle();
  const { run, ticket } = await state(runId);
  assert.deepEqual([run.state, ticket?.status], ["done", "in_review"]);
  assert.deepEqual(await answerOf(db, runId), { said: "exited with 0\nall is mended" });
  assert.deepEqual([(await row()).state, (await row()).exitCode, (await row()).verify], ["exited", 0, null]);
  assert.equal(await authenticate(db, port.started[0]!.spec.env["LOOP_TOKEN"]!), undefined);
});

const answerOf = async (db: Parameters<typeof workers>[0], runId: string) =>
  (await sql<{ answer: unknown }>`select answer from runs where id = ${runId}`.execute(db)).rows[0]!.answer;

for (const [exitCode, verdict, status] of [
  [0, "passed", "resolved"],
  [1, "failed", "in_review"],
  [null, "unreadable", "in_review"],
] as const) {
  test(`a check that ends with ${exitCode} is ${verdict}: it is run once, after the end, where the worker worked`, async (t) => {
    const ran: string[] = [];
    const { start, port, settle, state, row, folder } = await stageOf(t, { sandbox: sandboxOf(exitCode, ran) });
    const { act, runId } = await start({ verify: "npm test" });
    assert.deepEqual([ran, (await row()).verify], [[], "pending"]);
    port.exit(act.key, 0);
    await settle();
    await settle();
    assert.deepEqual(ran, [`npm test in ${join(folder, "workers", "fix-login")}`]);
    const { run, ticket } = await state(runId);
    assert.deepEqual([run.state, ticket?.status, (await row()).verify], ["done", status, verdict]);
  });
}

test("without a sandbox a check cannot be read, and that is not passed", async (t) => {
  const { start, port, settle, state, row } = await stageOf(t);
  const { act, runId } = await start({ verify: "true" });
  port.exit(act.key, 0);
  await settle();
  assert.deepEqual([(await row()).verify, (await state(runId)).ticket?.status], ["unreadable", "in_review"]);
});

test("another exit code fails the run; a signal and a host that went away interrupt it", async (t) => {
  const { start, port, settle, state, row } = await stageOf(t);
  const ends = [
    ["one", (key: string) => port.exit(key, 3), "failed", /worker_failed: it exited with 3/, "exited"],
    ["two", (key: string) => port.die(key, "SIGSEGV"), "interrupted", /worker_killed: a signal ended it \(SIGSEGV\)/, "killed"],
    ["three", (key: string) => port.lose(key), "interrupted", /worker_lost/, "lost"],
  ] as const;
  for (const [name, end, runState, reason, workerState] of ends) {
    const { act, runId } = await start({ name });
    end(act.key);
    await settle();
    const { run, ticket } = await state(runId);
    assert.deepEqual([run.state, ticket?.status, (await row(name)).state, (await row(name)).health], [runState, "blocked", workerState, "dead"]);
    assert.match(run.reason!, reason);
  }
});

test("one works under a name at a time; after its end the next run is on the same ticket, and after the ticket's on another", async (t) => {
  const { start, port, settle, state } = await stageOf(t, { sandbox: sandboxOf(0) });
  const first = await start();
  await assert.rejects(start(), (error: LoopError) => error.code === "worker_exists" && /fix-login is already running/.test(error.message));
  port.exit(first.act.key, 1);
  await settle();
  const second = await start({ verify: "true" });
  assert.deepEqual([second.ticketId, (await state(second.runId)).run.attempt], [first.ticketId, 2]);
  port.exit(second.act.key, 0);
  await settle();
  assert.equal((await state(second.runId)).ticket?.status, "resolved");
  assert.notEqual((await start()).ticketId, first.ticketId);
});

test("a full fleet, one that cannot be counted, and a program that is not there start nobody and say why", async (t) => {
  const claude = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: claude\nrunner: command\ncommand: { preset: claude }\n";
  const { start, port, state, engine, deps, root } = await stageOf(t, { files: workerWorkspace({ "agents/claude.yaml": claude }) });
  const refused = async (order: Partial<WorkerOrder>) => (await state((await start({ agent: "coder", ...order })).runId)).run;
  const missing = await refused({ name: "m", agent: "claude" });
  assert.deepEqual([missing.state, /npm install -g @anthropic-ai\/claude-code/.test(missing.reason!)], ["failed", true]);
  for (const name of ["a", "b", "c"]) await start({ name, agent: "coder" });
  const full = await refused({ name: "d" });
  assert.deepEqual([full.state, /3 of 3 workers run \(a, b, c\)/.test(full.reason!)], ["failed", true]);
  port.failWith(new LoopError("worker_unavailable", "Nobody can say who lives."));
  const { runId } = await startWorker({ ...deps, changed: () => undefined }, root, { name: "e", prompt: "go", agent: "coder" });
  await drain(engine);
  port.failWith(null);
  assert.match((await state(runId)).run.reason ?? "", /Nobody can say who lives/);
  assert.equal(port.started.length, 3);
});

test("a command of its own waits for a person who sees all of it", async (t) => {
  const { start, row, state, port } = await stageOf(t);
  const { runId } = await start({ command: "other --file {{prompt_file}}" });
  const { asks } = await state(runId);
  assert.deepEqual(
    [asks[0]?.kind, (asks[0]!.detail["args"] as { command: string }).command, (await row()).state, (await row()).health],
    ["approval", "other --file {{prompt_file}}", "asked", "waiting-ask"],
  );
  assert.equal(port.started.length, 0);
});

test("what somebody outside asks for waits for a person before a program does it, and a worker without a name goes by its ticket", async (t) => {
  const { engine, db, settle, state, port, row } = await stageOf(t);
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true, whoIs: async () => undefined };
  const { runId, number } = await receiveText(deps, { text: "Delete it all.", provider: "slack", surface: "slack", sender: "stranger" });
  await settle();
  const { asks } = await state(runId);
  assert.deepEqual([asks[0]?.kind, port.started.length, (await row(`ticket-${number}`)).state], ["approval", 0, "asked"]);
});

test("killed by a verb, the run says who did it; cancelled, the program is ended and nothing goes on", async (t) => {
  const { start, settle, state, port, deps, root, db, engine } = await stageOf(t);
  const first = await start();
  await killWorker(deps, root, { name: "fix-login", reason: "enough" });
  await settle();
  const { run } = await state(first.runId);
  assert.deepEqual([run.state, /agent:root ended it/.test(run.reason!)], ["interrupted", true]);
  await assert.rejects(killWorker(deps, root, { name: "fix-login", reason: "again" }), { code: "worker_unknown" });
  const second = await start();
  await cancelRun(db, engine.clock, { runId: second.runId, by: root, reason: "not needed" });
  await settle();
  assert.deepEqual([(await port.find(second.act.key))?.state, (await state(second.runId)).run.state], ["killed", "cancelled"]);
});

test("what ended while no server ran is found by the next one, and what was started without a word on record is adopted", async (t) => {
  const { start, state, port, db, folder, stop } = await stageOf(t);
  const ended = await start({ name: "ended" });
  const crashed = await start({ name: "crashed" });
  await stop();
  port.exit(ended.act.key, 0);
  await sql`update acts set state = 'started', handle = null where id = ${crashed.act.id}`.execute(db); // the server died before it wrote that it runs
  await sql`update runs set due = loop_now() where id = ${crashed.runId}`.execute(db);
  const later = await workerStage({ db, folder, port });
  t.after(later.stop);
  await later.settle();
  assert.deepEqual([(await state(ended.runId)).run.state, (await state(crashed.runId)).acts[0]?.state, port.started.length], ["done", "waiting", 2]);
  port.exit(crashed.act.key, 0);
  await later.settle();
  assert.equal((await state(crashed.runId)).run.state, "done");
});

test("health: silence makes a worker stuck, a question makes it wait", async (t) => {
  const { start, row, advance, db } = await stageOf(t);
  const { runId } = await start();
  await advance(16 * 60_000);
  assert.equal((await row()).health, "stuck");
  await sql`
    insert into asks (id, alias, kind, state, purpose, run_id, prompt, detail, options, approvers, quorum, escalation, revision)
    values ('ask_x', 'fix-login-1', 'question', 'open', 'worker', ${runId}, '?', '{}', '{}', '{}', 1, '[]', 1)`.execute(db);
  assert.deepEqual([(await row()).health, (await row()).askId], ["waiting-ask", "fix-login-1"]);
});

test("a worker that ends itself by the verb is done, not interrupted", async (t) => {
  const { start, settle, state, deps, db, port, row } = await stageOf(t);
  const { runId } = await start();
  const itself = (await authenticate(db, port.started[0]!.spec.env["LOOP_TOKEN"]!))!;
  await killWorker(deps, itself, { name: "fix-login", reason: "all is done" });
  await settle();
  const { run, ticket } = await state(runId);
  assert.deepEqual([run.state, ticket?.status, (await row()).state, await answerOf(db, runId)], ["done", "in_review", "killed", { said: "it ended itself" }]);
});
