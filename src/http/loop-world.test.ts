import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { actionLines, noteAction } from "#src/pulse/store/action-lines.ts";
import { httpFixture } from "./http-fixture.ts";

/** Every row of every table, by its text. */
async function wholeRecord(db: Db): Promise<string> {
  const { rows } = await sql<{ name: string }>`select format('%I', tablename) as name from pg_tables where schemaname = 'public' order by 1`.execute(db);
  const texts: string[] = [];
  for (const { name } of rows) {
    const { rows: of } = await sql<{ all: string | null }>`select string_agg(t::text, '\n' order by t::text) as all from ${sql.raw(name)} t`.execute(db);
    texts.push(`${name}: ${of[0]!.all}`);
  }
  return texts.join("\n");
}

test("the state of the world says what is open, wanted and known, and reading it changes no row", async (t) => {
  const { call, person, ask, db, clock, workspace } = await httpFixture(t, { dataDir: "/a/folder" });
  const ana = await person("ana", ["operator"]);
  const theirs = await ask({ prompt: "Pay it?" });
  const mine = await ask({ kind: "question", prompt: "Which branch?", options: [], approvers: { roles: ["operator"], names: [] }, detail: { ref: "#12" } });
  await noteAction(db, clock, { caller: ana.principal, line: "write-goal\n stock" });
  await sql`insert into sensor_readings (sensor, signal, detail, digest, program, failed, streak, ran_at, changed_at, took_ms)
    values ('disk', '{"full":false}', '{"free":12}', 'd1', 'p', false, 5, loop_now(), loop_now(), 3)`.execute(db);
  const before = await wholeRecord(db);
  const { status, body } = await call("GET /v1/loop/state", { as: ana });
  assert.equal(status, 200);
  assert.equal(await wholeRecord(db), before);
  const { world_hash, cursor, asks, journal_tail, ...rest } = body;
  assert.match(world_hash, /^[0-9a-f]{64}$/);
  assert.match(cursor, /^w1(\.[0-9a-f]{10}){6}$/);
  assert.deepEqual(
    asks.map(({ id, prompt, ref, yours, stranded }: Record<string, unknown>) => ({ id, prompt, ref, yours, stranded })),
    [
      { id: theirs, prompt: "Pay it?", ref: null, yours: false, stranded: false },
      { id: mine, prompt: "Which branch?", ref: "#12", yours: true, stranded: false },
    ],
  );
  assert.equal(journal_tail.length, 1);
  assert.match(journal_tail[0], /^- \d{4}-\d\d-\d\d \d\d:\d\d write-goal stock$/);
  assert.deepEqual(rest, {
    pulse: "down",
    snapshots: {
      "sensor-disk": { signal: { full: false }, detail: { free: 12 } },
      "sys-workers": { signal: [], detail: {} },
      "sys-claims": { signal: [], detail: {} },
      "sys-goals": { signal: {}, detail: {} },
      "sys-schedules": { signal: {}, detail: {} },
    },
    workers: [],
    goals: workspace.goals.filter(({ archived }) => !archived).map(({ id }) => id),
    schedules: [],
    claims: [],
    last_run: null,
    flapping: ["disk"],
    neglected_goal: null,
    data_dir: "/a/folder",
  });
});

test("a line of the journal is one line, whatever is put into it", async (t) => {
  const { person, db, clock } = await httpFixture(t);
  const { principal } = await person("ana", ["operator"]);
  for (const line of ["one\n- 2026-01-01 00:00 forged\u001b[2J", "x".repeat(2_000)]) await noteAction(db, clock, { caller: principal, line });
  const lines = await actionLines(db, 10);
  assert.deepEqual(
    lines.map(({ line, actor }) => [line, actor]),
    [
      ["one - 2026-01-01 00:00 forged [2J", principal.id],
      [`${"x".repeat(499)}…`, principal.id],
    ],
  );
  assert.equal((await actionLines(db, 1)).length, 1);
});

test("a signal moves the world; a detail, an ask, a line of the journal and the passing of time do not", async (t) => {
  const { call, person, ask, db, clock, advance } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const hash = async (): Promise<string> => (await call("GET /v1/loop/state", { as: ana })).body.world_hash;
  const reading = (digest: string, detail: string) =>
    sql`insert into sensor_readings (sensor, signal, detail, digest, program, failed, ran_at, changed_at, took_ms)
      values ('disk', '{}', ${detail}::jsonb, ${digest}, 'p', false, loop_now(), loop_now(), 3)
      on conflict (sensor) do update set detail = excluded.detail, digest = excluded.digest`.execute(db);
  await reading("one", "{}");
  const first = await hash();
  await reading("one", `{"free":1}`);
  await ask({});
  await noteAction(db, clock, { caller: ana.principal, line: "x" });
  await advance(3_600_000);
  assert.equal(await hash(), first);
  await reading("two", `{"free":1}`);
  assert.notEqual(await hash(), first);
});
