import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { startFleet } from "#src/runs/fleet.ts";
import type { Claimed } from "#src/runs/reconcile.ts";
import { readState } from "#src/runs/store/state.ts";
import { readEnd } from "#src/runs/store/turns.ts";
import { createRunWatch } from "#src/runs/watch.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { type CallPlace, takeCall } from "./call.ts";

const HEAD = "apiVersion: loopwright.dev/v1\n";
const agent = (more = ""): string => `${HEAD}kind: Agent\nname: judge\nrunner: model\nprocedure: chat\ninstructions: Decide.\n${more}`;
const SERVICE = `${HEAD}kind: Service
name: decide
startingAgent: judge
agents: [judge]
output: { type: object, properties: { why: { type: string }, b: { type: string } }, required: [why, b] }
`;
const LEASE_MS = 10_000;

async function world(t: TestContext, more = "") {
  const { db, advance } = await testDatabase(t);
  const model = scriptedModel(() => sayObject({ why: "it is good", b: "yes" }));
  const engine = await testEngine({
    db,
    clock: heldClock(),
    files: chatWorkspace({ "agents/judge.yaml": agent(more), "services/decide.yaml": SERVICE }),
    model,
  });
  const { revision, workspace } = await engine.workspaces.current();
  const place: CallPlace = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  const watch = createRunWatch({ db: undefined as never }); // it is told, or it hears nothing: there is nowhere to look
  const fleetOf = (slots: number, mayClaim = () => true) =>
    startFleet(engine, { holder: "one", slots, leaseMs: LEASE_MS, pollMs: 60_000, graceMs: 1_000, changed: () => undefined, mayClaim, watch });
  const take = (text: string, seat?: CallPlace["seat"]) =>
    takeCall(db, { ...place, seat }, { service: workspace.services[0]!, body: { messages: [{ text }] }, caller: { id: "prn_a", handle: "a" } });
  const rowOf = async (runId: string | null) =>
    (await sql<object>`select state, holder, fence, tries, due > loop_now() as held from runs where id = ${runId}`.execute(db)).rows[0];
  return { db, advance, engine, watch, fleetOf, take, rowOf };
}

test("whoever takes a call moves its run at once, and tells its end as it is on record", async (t) => {
  const { db, fleetOf, take, watch } = await world(t);
  const fleet = fleetOf(2);
  const { call, isHere } = await take("a", fleet.seat);
  const end = await watch.rested(call.runId!, { timeoutMs: 20_000, isHere });
  await fleet.stop();
  assert.equal(isHere, true);
  assert.deepEqual([end, end?.state], [await readEnd(db, call.runId!), "done"]);
  const { run, messages } = await readState(db, call.runId!);
  assert.deepEqual([run.turns, messages.map(({ seq, role }) => [seq, role])], [1, [[1, "input"], [2, "thought"]]]); // prettier-ignore
  const { rows } = await sql<{ kind: string }>`select kind from events where run_id = ${run.id} order by id`.execute(db);
  assert.deepEqual(rows.map(({ kind }) => kind), ["run.queued", "service.called", "act.started", "act.done", "receipt.signed", "run.done"]); // prettier-ignore
});

test("the state that a new run is moved from is the one that is read of it", async (t) => {
  const { db, take } = await world(t);
  const given: Claimed[] = [];
  const seat = { holder: "one", leaseMs: LEASE_MS, take: (made: Claimed) => void given.push(made), leave: () => undefined };
  const { call } = await take("a", () => seat);
  const read = await readState(db, call.runId!);
  const { nowMs: _given, ...state } = given[0]!.state;
  const { nowMs: _read, ...asRead } = read;
  assert.deepEqual(state, asRead);
  const { rows } = await sql`select id as "runId", fence, wake, tries from runs`.execute(db);
  assert.deepEqual([given[0]!.lease], rows);
});

test("a run whose process died before it moved it is held until its lease is over, then moved by another, once", async (t) => {
  const { advance, engine, take, rowOf } = await world(t);
  const { call } = await take("a", () => ({ holder: "dead", leaseMs: LEASE_MS, take: () => undefined, leave: () => undefined }));
  assert.equal(await drain(engine), 0);
  assert.deepEqual(await rowOf(call.runId), { state: "running", holder: "dead", fence: 1, tries: 1, held: true });
  await advance(LEASE_MS + 1);
  assert.equal(await drain(engine), 1);
  assert.deepEqual(await rowOf(call.runId), { state: "done", holder: null, fence: 2, tries: 0, held: null });
});

test("without a free place, or with a bound on its agent, a run waits to be claimed", async (t) => {
  const { engine, fleetOf, take, rowOf } = await world(t);
  let mayClaim = true;
  const fleet = fleetOf(1, () => mayClaim);
  assert.notEqual(fleet.seat(), undefined);
  assert.equal(fleet.seat(), undefined, "there is one place, and somebody has it");
  const { call, isHere } = await take("a", fleet.seat);
  assert.deepEqual([isHere, await rowOf(call.runId)], [false, { state: "queued", holder: null, fence: 0, tries: 0, held: false }]);
  await fleet.stop();
  assert.equal(fleet.seat(), undefined, "it has stopped");
  mayClaim = false;
  const full = fleetOf(5, () => mayClaim);
  assert.equal(full.seat(), undefined, "the disk is full");
  await full.stop();
  await drain(engine);
  const bounded = await world(t, "concurrency: 1\n");
  const seat = (): never => assert.fail("a bounded run was made held");
  const other = await bounded.take("a", seat);
  assert.deepEqual(await bounded.rowOf(other.call.runId), { state: "queued", holder: null, fence: 0, tries: 0, held: false });
});

test("of many calls with one body at once one is made; after it failed, or after ten minutes, one more", async (t) => {
  const { db, advance, take } = await world(t);
  const atOnce = async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => take("same")));
    const runs = new Set(all.map(({ call }) => call.runId!));
    assert.equal(runs.size, 1);
    return { made: all.filter(({ isRepeat }) => !isRepeat).length, run: [...runs][0]! };
  };
  const count = async () => (await sql<{ n: number }>`select count(*) as n from runs`.execute(db)).rows[0]!.n;
  const first = await atOnce();
  assert.deepEqual([first.made, await atOnce(), await count()], [1, { made: 0, run: first.run }, 1]);
  await sql`update runs set state = 'failed', ended_at = loop_now(), due = null`.execute(db);
  const second = await atOnce();
  assert.deepEqual([second.made, second.run === first.run, await count()], [1, false, 2]);
  await advance(10 * 60_000 + 1);
  const third = await atOnce();
  assert.deepEqual([third.made, third.run === second.run, await count()], [1, false, 3]);
  assert.equal((await take("other")).isRepeat, false);
});
