import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { httpFixture } from "./http-fixture.ts";
import { loopFixture } from "./loop-fixture.ts";

const HEAD = "apiVersion: loopwright.dev/v1\n";
const ROOT = { "agents/root.yaml": `${HEAD}kind: Agent\nname: root\nrunner: auto\nprocedure: chat\ninstructions: Decide.\n` };

test("a command needs a tool server, and the refusal says which file to add; who may not steer runs nothing", async (t) => {
  const { call, person, db } = await httpFixture(t, {}, filesOf({ ...SOUND_FILES, ...ROOT }));
  const ana = await person("rhea", ["operator"]);
  const refused = await call("POST /v1/loop/run", { as: ana, payload: { command: "ls" } });
  assert.deepEqual([refused.status, refused.body.code], [404, "tool_unknown"]);
  assert.match(refused.body.detail, /Add tools\/shell\.yaml with `name: shell` and `from: \{ by: shell \}`/);
  assert.equal((await call("POST /v1/loop/run", { as: ana, payload: { command: " " } })).status, 422);
  assert.equal((await call("POST /v1/loop/run", { as: await person("vi", ["viewer"]), payload: { command: "ls" } })).status, 403);
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from runs`.execute(db);
  assert.equal(rows[0]!.count, 0);
});

test("what the owners are told stands in the journal, and is an act of the agent root that nobody has decided yet", async (t) => {
  const { call, person, db } = await httpFixture(t, {}, filesOf({ ...SOUND_FILES, ...ROOT }));
  const ana = await person("rhea", ["operator"]);
  const { status, body } = await call("POST /v1/loop/notify", { as: ana, payload: { message: "the release\nis out", id: "fix-login" } });
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok(body.runs.length > 0);
  const { rows } = await sql<{ agent: string; procedure: string; state: string }>`select agent, procedure, state from runs`.execute(db);
  assert.deepEqual(
    rows,
    body.runs.map(() => ({ agent: "root", procedure: "call", state: "queued" })),
  );
  const lines = (await call("GET /v1/loop/journal", { as: ana })).body.lines;
  assert.deepEqual(
    lines.map(({ line }: { line: string }) => line),
    ["notify · fix-login: the release is out"],
  );
  assert.equal((await call("POST /v1/loop/notify", { as: ana, payload: { message: " \n" } })).status, 422);
});

test("a notice also goes to the command and the webhook that loop.yaml names, as acts of their own", async (t) => {
  const notification = 'notification: { command: [notify-send, "{{message}}"], webhook: { url: "https://ntfy.example/alerts" } }\n';
  const files = { ...SOUND_FILES, ...ROOT, "loop.yaml": `${SOUND_FILES["loop.yaml"]}${notification}` };
  const { call, person, db } = await httpFixture(t, {}, filesOf(files));
  const { body } = await call("POST /v1/loop/notify", { as: await person("rhea", ["operator"]), payload: { message: "done", id: "fix-login" } });
  const { rows } = await sql<{ act: { effect: string; args: { surface: string; to: string; text: string; facts: object } } }>`
    select content -> 'call' as act from messages where seq = 1 order by run_id`.execute(db);
  const places = rows.map(({ act: { effect, args } }) => [effect, args.surface, args.to, args.text, args.facts]);
  assert.equal(body.runs.length, places.length);
  assert.deepEqual(places.slice(-2), [
    ["idempotent", "command", "notify-send", "done", { about: "fix-login" }],
    ["idempotent", "webhook", "ntfy.example", "done", { about: "fix-login" }],
  ]);
});

test("the goal that nobody did anything about for the longest time is named, and time passing does not move the world", async (t) => {
  const { call, person, db, advance } = await loopFixture(t);
  const ana = await person("rhea", ["operator"]);
  const state = async () => (await call("GET /v1/loop/state", { as: ana })).body;
  await advance(60_000);
  for (const { id } of (await state()).goals.map((id: string) => ({ id }))) await call("POST /v1/loop/goal/write", { as: ana, payload: { id, body: "again" } });
  await advance(3_600_000);
  await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "newer", body: "x" } });
  const first = await state();
  assert.notEqual(first.neglected_goal.id, "newer");
  assert.ok(first.neglected_goal.idle_s >= 3_600);
  assert.ok(first.snapshots["sys-goals"].detail["newer"].idle_s < 60);
  assert.deepEqual(first.snapshots["sys-goals"].signal, {});
  await advance(3_600_000);
  const later = await state();
  assert.equal(later.world_hash, first.world_hash);
  assert.ok(later.snapshots["sys-goals"].detail["newer"].idle_s >= 3_600);
  await sql`insert into tickets (id, status, title, body, source, sender, trust, agent, route_reason, alias) values ('tkt_1', 'new', 'x', 'x', 'cli', 'x', 'owner', 'root', 'x', ${first.neglected_goal.id})`.execute(
    db,
  );
  await sql`insert into runs (id, ticket_id, agent, runner, procedure, state, limits, revision) values ('run_1', 'tkt_1', 'root', 'model', 'chat', 'done', '{}', 1)`.execute(
    db,
  );
  assert.notEqual((await state()).neglected_goal.id, first.neglected_goal.id, "its worker began");
});
