import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { openAsk } from "#src/asks/store/open.ts";
import type { Db } from "#src/database/open.ts";
import { noteAction } from "#src/pulse/store/action-lines.ts";
import { startPulse } from "#src/pulse/pulse.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { loopFixture } from "./loop-fixture.ts";

const MINE = { kind: "question", options: [], approvers: { roles: ["operator"], names: [] } } as const;

const reading = (db: Db, { digest, detail = "{}" }: { digest: string; detail?: string }) =>
  sql`insert into sensor_readings (sensor, signal, detail, digest, program, failed, ran_at, changed_at, took_ms)
    values ('disk', '{}', ${detail}::jsonb, ${digest}, 'p', false, loop_now(), loop_now(), 3)
    on conflict (sensor) do update set detail = excluded.detail, digest = excluded.digest`.execute(db);

test("a wait ends at once on an ask that the speaker may answer; with a cursor only on what came after it", async (t) => {
  const { call, person, ask, pulse, db } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  const ben = await person("ben", ["approver"]);
  await pulse();
  const wait = async (query = "", as = ana) => (await call(`GET /v1/loop/wait?timeoutSeconds=0${query}`, { as })).body;

  await ask({}); // for approvers alone
  await sql`update asks set stranded = true where id = ${await ask(MINE)}`.execute(db);
  const quiet = await wait();
  assert.deepEqual(quiet.changed, []);
  assert.equal(quiet.since, quiet.cursor);
  assert.deepEqual((await wait("", ben)).changed, ["asks"]);

  const id = await ask(MINE);
  const first = await wait();
  assert.deepEqual(first.changed, ["asks"]);
  assert.deepEqual(
    first.asks.filter(({ yours, stranded }: Record<string, unknown>) => yours && !stranded).map((one: { id: string }) => one.id),
    [id],
  );
  assert.deepEqual((await wait(`&since=${first.cursor}`)).changed, [], "it was open by then");
  assert.deepEqual((await wait(`&since=${quiet.cursor}`)).changed, ["asks"]);
  await ask({});
  assert.deepEqual((await wait(`&since=${first.cursor}`)).changed, ["asks"]);
  assert.deepEqual((await wait(`&since=${first.cursor}&onlyAsks=true`)).changed, [], "it is for others");
  const wrong = await call("GET /v1/loop/wait?since=w1.x", { as: ana });
  assert.deepEqual([wrong.status, wrong.body.code], [422, "input_invalid"]);
});

test("what moved is named; a detail moves nothing, and each filter keeps to its own", async (t) => {
  const { call, person, pulse, db, clock } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  await pulse();
  await reading(db, { digest: "one" });
  const { cursor } = (await call("GET /v1/loop/state", { as: ana })).body;
  const changed = async (query = ""): Promise<string[]> => (await call(`GET /v1/loop/wait?timeoutSeconds=0&since=${cursor}${query}`, { as: ana })).body.changed;
  await reading(db, { digest: "one", detail: `{"free":1}` });
  assert.deepEqual(await changed(), []);
  await noteAction(db, clock, { caller: ana.principal, line: "x" });
  assert.deepEqual(await changed(), ["journal"]);
  assert.deepEqual(await changed("&actionable=true"), []);
  await reading(db, { digest: "two" });
  await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "new", body: "x" } });
  await call("POST /v1/loop/playbook/write", { as: ana, payload: { body: "x" } });
  assert.deepEqual(await changed(), ["playbook", "goals", "snapshots", "journal"]);
  assert.deepEqual(await changed("&actionable=true"), ["playbook", "goals", "snapshots"]);
  assert.deepEqual(await changed("&onlyAsks=true"), []);
});

test("a wait that is under way is woken by an ask and by a goal, and ends with nothing when its time is over", async (t) => {
  const { call, person, pulse, db } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  await pulse();
  const started = performance.now();
  const waiting = call("GET /v1/loop/wait?timeoutSeconds=40", { as: ana });
  const later = call("GET /v1/loop/wait?timeoutSeconds=40&onlyAsks=true", { as: ana });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "new", body: "x" } });
  assert.ok((await waiting).body.changed.includes("goals"));
  const terms = {
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [],
    revision: 1,
    runId: null,
    actId: null,
    ticketId: null,
    detail: {},
    purpose: "worker",
  } as const;
  await openAsk(db, { id: "ask_0190-later", prompt: "Now?", ...terms, ...MINE } as never); // nobody tells: the look each second finds it
  assert.deepEqual((await later).body.changed, ["asks"]);
  assert.ok(performance.now() - started < 20_000);
  const over = (await call("GET /v1/loop/wait?timeoutSeconds=0.2&actionable=true&since=" + (await later).body.cursor, { as: ana })).body;
  assert.deepEqual(over.changed, []);
});

test("when no process is the pulse, a wait says so after some seconds", async (t) => {
  const { call, person, pulse } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  const down = await pulse();
  const waiting = call("GET /v1/loop/wait?timeoutSeconds=40", { as: ana });
  await down();
  const { changed, pulse: seen } = (await waiting).body;
  assert.deepEqual([changed, seen], [["pulse-down"], "down"]);
});

test("a schedule that falls due moves the world by the pulse, once", async (t) => {
  const { call, person, db, url, clock, advance } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  const beating = startPulse({ db, url, clock, log: silentLog, changed: () => undefined, chores: [] });
  t.after(beating.stop);
  const write = (payload: object) => call("POST /v1/loop/schedule/write", { as: ana, payload });
  assert.equal((await write({ name: "soon", in: 3_600, note: "look again" })).status, 200);
  assert.equal((await write({ name: "hourly", every: 3_600 })).status, 200);
  assert.equal((await write({ name: "daily", cron: "0 9 * * *", timeZone: "Asia/Taipei" })).status, 200);
  const seen = async () => {
    const { schedules } = (await call("GET /v1/loop/schedule/list", { as: ana })).body;
    return Object.fromEntries(schedules.map(({ name, signal }: { name: string; signal: unknown }) => [name, signal]));
  };
  assert.deepEqual(await seen(), { soon: "pending", hourly: { period: 0 }, daily: "pending" });
  const { cursor } = (await call("GET /v1/loop/state", { as: ana })).body;
  await advance(3_600_000);
  assert.deepEqual((await call(`GET /v1/loop/wait?timeoutSeconds=20&since=${cursor}`, { as: ana })).body.changed, ["snapshots"]);
  for (const until = performance.now() + 10_000; performance.now() < until && (await seen())["hourly"].period !== 1;);
  assert.deepEqual([(await seen())["soon"], (await seen())["hourly"]], ["due", { period: 1 }]);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from events where kind = 'schedule.due'`.execute(db);
  assert.ok(rows[0]!.count >= 2);
  assert.equal((await call("POST /v1/loop/schedule/rm", { as: ana, payload: { name: "soon" } })).status, 200);
  assert.equal((await call("POST /v1/loop/schedule/rm", { as: ana, payload: { name: "soon" } })).body.code, "schedule_unknown");
});

test("schedules that cannot be meant are refused, and say what is expected", async (t) => {
  const { call, person } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ every: 59 }, /60 seconds or more/],
    [{ in: 1e12 }, /ten years at most/],
    [{ in: 0 }, /1 seconds or more/],
    [{ every: "often" }, /a number of seconds/],
    [{}, /exactly one of in, every, cron, rrule/],
    [{ in: 5, every: 60 }, /exactly one of/],
    [{ cron: "0 9 * * *", timeZone: "Mars/Base" }, /a time zone such as/],
    [{ in: 60, timeZone: "UTC" }, /with cron or rrule alone/],
    [{ in: 60, missed: "skip" }, /comes again/],
    [{ cron: "61 9 * * *" }, /cannot be read/],
    [{ cron: "0 0 31 2 *" }, /never comes|cannot be read/],
    [{ rrule: "FREQ=SOMETIMES" }, /cannot be read/],
  ];
  for (const [given, said] of cases) {
    const { status, body } = await call("POST /v1/loop/schedule/write", { as: ana, payload: { name: "x", ...given } });
    assert.deepEqual([status, body.code], [422, "input_invalid"], JSON.stringify(given));
    assert.match(JSON.stringify(body), said, JSON.stringify(given));
  }
});
