import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { createQueue, type Scheduled } from "#src/database/queue.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { listRuns } from "#src/runs/store/state.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { createTriggers, type Firing, type Triggers } from "./triggers.ts";

const trigger = (name: string, at: string, more = ""): string =>
  `apiVersion: loopwright.dev/v1\nkind: Trigger\nname: ${name}\nagent: desk\ntask: triage\non: { schedule: { at: "${at}", text: "look at the oven"${more} } }\n`;

function workspaceWith(files: Readonly<Record<string, string>>) {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...files }));
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

/** Of the queue: what was enqueued, and which schedules of an earlier version it still has. */
function heldQueue() {
  const jobs: Firing[] = [];
  const old = new Map<string, Scheduled>();
  return {
    jobs,
    old,
    moments: createQueue({ db: undefined as never, url: "postgres://nobody@127.0.0.1:1/none", log: silentLog, supervises: false }).moments,
    enqueue: (_: unknown, _name: string, data: object) => Promise.resolve(String(jobs.push(data as Firing))),
    scheduled: () => Promise.resolve([...old.values()]),
    unschedule: async (_: string, key = "") => void old.delete(key),
  };
}

async function house(t: TestContext, files: Readonly<Record<string, string>>) {
  const { db, advance } = await testDatabase(t);
  const queue = heldQueue();
  const current = { revision: 1, workspace: workspaceWith(files) };
  const workspaces = { current: () => Promise.resolve(current), at: () => Promise.resolve(current.workspace) };
  const said: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void said.push(message) };
  const engine = { db, clock: heldClock(), log, workspaces, tiers: () => ({ fast: [], strong: [] }) };
  /** A server that has just started. */
  const server = () => createTriggers({ engine, queue, mayTake: () => true, changed: () => undefined });
  /** Sets the clock of the database. */
  const at = async (time: string): Promise<void> => {
    const { rows } = await sql<{ ms: number }>`select extract(epoch from loop_now())::float8 * 1000 as ms`.execute(db);
    await advance(Date.parse(`2026-${time}Z`) - rows[0]!.ms);
  };
  /** The beats since the last call, and whether each became exactly one ticket. */
  const fired = async (triggers: Triggers): Promise<string[]> => {
    const done = queue.jobs.splice(0);
    for (const [index, data] of done.entries()) {
      const id = `0199c0ff-0000-7000-8000-00000000${String(index).padStart(4, "0")}`;
      await Promise.all([triggers.fire({ id, data }), triggers.fire({ id: id.replace("0199", "0198"), data })]);
    }
    return done.map(({ beat }) => beat!.slice(5));
  };
  const tickets = async (): Promise<number> => (await sql<{ n: number }>`select count(*)::int as n from tickets`.execute(db)).rows[0]!.n;
  return { queue, current, said, server, at, fired, tickets };
}

const DAILY = (more = "") => ({ "triggers/a.yaml": trigger("morning", "0 9 * * *", `, timeZone: Europe/Lisbon${more}`) });

test("each beat is one job and one ticket, whoever looks, how often, and however often its job is handled", async (t) => {
  const at = await house(t, DAILY());
  const [one, other] = [at.server(), at.server()];
  await at.at("06-01T07:59:30");
  await one.look();
  await at.at("06-01T08:00:10");
  await Promise.all([one.look(), other.look(), one.look()]);
  await at.at("06-01T08:01:10");
  await other.look();
  assert.deepEqual(await at.fired(one), ["06-01T09:00[Europe/Lisbon]"]);
  assert.equal(await at.tickets(), 1);
});

for (const [missed, expected] of [
  ["once", ["06-03T09:00[Europe/Lisbon]"]],
  ["skip", []],
] as const) {
  test(`after a restart the last of the beats that nobody was there for is made up for where the trigger says so, and only once: ${missed}`, async (t) => {
    const at = await house(t, DAILY(`, missed: ${missed}`));
    await at.at("06-01T08:30");
    await at.server().look();
    await at.at("06-03T12:00");
    const server = at.server();
    await server.look();
    await server.look();
    assert.deepEqual(await at.fired(server), expected);
    await at.at("06-04T08:00:30");
    await at.server().look();
    assert.deepEqual(await at.fired(server), ["06-04T09:00[Europe/Lisbon]"], "there just in time");
  });
}

test("a clock that is set back or leaps ahead and comes back doubles nothing and loses nothing", async (t) => {
  const at = await house(t, DAILY());
  const server = at.server();
  for (const time of ["06-01T07:59", "06-01T08:01", "06-01T07:30", "06-01T07:59", "06-01T08:01"]) {
    await at.at(time);
    await server.look();
  }
  await at.fired(server);
  assert.equal(await at.tickets(), 1, "it was nine once, whatever the clock said afterwards");
  for (const time of ["06-03T08:01", "06-01T08:02", "06-02T07:59", "06-02T08:01", "06-03T07:59", "06-03T08:01", "06-04T07:59", "06-04T08:01"]) {
    await at.at(time);
    await server.look();
  }
  await at.fired(server);
  assert.equal(await at.tickets(), 4, "the first to the fourth of June, each once");
});

test("a schedule begins when it is put in force, ends with its trigger, and one that cannot be read is said once and keeps no other", async (t) => {
  const at = await house(t, { ...DAILY(), "triggers/b.yaml": trigger("wrong", "99 9 * * *") });
  at.queue.old.set("old", { key: "old", when: "0 1 * * *", timeZone: "UTC", missed: "once" });
  const server = at.server();
  await at.at("06-01T07:59");
  await server.look();
  await server.look();
  assert.deepEqual([at.queue.old.size, at.said.length], [0, 1]);
  at.current.workspace = workspaceWith({ "triggers/a.yaml": trigger("morning", "0 7 * * *", ", timeZone: Europe/Lisbon") });
  await at.at("06-01T08:01");
  await server.look();
  assert.deepEqual(await at.fired(server), [], "seven was before it was put in force");
  at.current.workspace = workspaceWith({});
  await at.at("06-02T06:01");
  await server.look();
  assert.deepEqual(await at.fired(server), []);
});

test("a firing becomes one ticket and one run with its task, however often its job is handled", async (t) => {
  const { db } = await testDatabase(t);
  const workspace = workspaceWith({ "triggers/a.yaml": trigger("morning", "0 9 * * *", ", labels: { shop: lisbon }") });
  const workspaces = { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) };
  let room = false;
  const engine = { db, clock: heldClock(), log: silentLog, workspaces, tiers: () => ({ fast: [], strong: [] }) };
  const { fire } = createTriggers({ engine, queue: heldQueue(), mayTake: () => room, changed: () => undefined });
  const job = { id: "0199c0ff-0000-7000-8000-000000000001", data: { trigger: "morning" } };
  await assert.rejects(fire(job), (error: LoopError) => error.code === "storage_full");
  room = true;
  await Promise.all([fire(job), fire(job)]);
  await fire(job);
  await fire({ ...job, id: "0199c0ff-0000-7000-8000-000000000002", data: { trigger: "gone" } });
  const runs = await listRuns(db, { limit: 10 });
  assert.deepEqual(
    runs.map(({ agent, labels, limits }) => [agent, labels, limits.task]),
    [["desk", { shop: "lisbon" }, "triage"]],
  );
  const { source, sender, trust, routeReason, body } = await requireTicket(db, runs[0]!.ticketId!);
  assert.deepEqual(
    { source, sender, trust, routeReason, body },
    { source: "schedule", sender: "trigger:morning", trust: "owner", routeReason: "the trigger morning fired (0 9 * * *)", body: "look at the oven" },
  );
});
