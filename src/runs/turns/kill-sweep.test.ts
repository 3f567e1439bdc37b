import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { testDatabase } from "#src/testing/database.ts";
import { effects } from "#src/testing/effect-ledger.ts";

const CHILD = join(import.meta.dirname, "..", "..", "testing", "turn-sweep-child.ts");
/** What conversations, handing over and giving away have added; the other points have a sweep of their own. */
const OURS = /^(thread|turn|steer|handoff|delegate|finish|act\.handoff)\./;

interface World {
  readonly url: string;
  readonly folder: string;
  readonly db: Awaited<ReturnType<typeof testDatabase>>["db"];
}

async function world(t: TestContext): Promise<World> {
  const { db, url } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-turns-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { db, url, folder };
}

function runChild({ url, folder }: World, env: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, url, join(folder, "effects")], { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
    child.once("exit", (code, signal) => resolve(signal ?? String(code)));
  });
}

async function judge({ db, folder }: World) {
  const { rows: runs } = await sql<{ run: string }>`
    select agent || ' ' || state || case when parent_run_id is null then '' else ' part' end as run from runs order by created_at, id`.execute(db);
  const { rows: said } = await sql<{ said: string; n: number }>`
    select role || ': ' || text as said, dense_rank() over (order by run_id)::int as n from thread_messages order by position`.execute(db);
  const { rows: acts } = await sql<{ act: string }>`select name || ' ' || state as act from acts where kind <> 'model' order by created_at, id`.execute(db);
  const { rows: events } = await sql<{ n: number }>`select count(*)::int as n from events where kind in ('run.handed_over', 'run.delegated')`.execute(db);
  const lines = await effects(join(folder, "effects"));
  return {
    runs: runs.map(({ run }) => run),
    said: said.map((one) => one.said),
    acts: acts.map(({ act }) => act),
    events: events[0]!.n,
    lines: lines.map(({ kind, times }) => `${kind} ${times}`),
  };
}

const UNHARMED = {
  runs: ["second done", "part done part", "second done"],
  said: [
    "person: message m1",
    "person: message m2",
    "person: message m3",
    "agent: second heard: [first handed this over to second: the rest is yours]",
    "agent: second heard: message m3",
  ],
  acts: ["delegate.part done", "effect.findable done", "handoff.second done"],
  events: 2,
  lines: ["effect.findable 1"],
};

test(
  "killed at every point of a conversation, nothing that was said is lost or answered twice, and runs go over and out once",
  { timeout: 400_000 },
  async (t) => {
    const trace = await world(t);
    const traceFile = join(trace.folder, "points");
    assert.equal(await runChild(trace, { LOOP_FAILPOINT_TRACE: traceFile }), "0");
    assert.deepEqual(await judge(trace), UNHARMED);
    const points = (await readFile(traceFile, "utf8")).trim().split("\n");
    const numbered = points.map((name, index) => ({ name, number: index + 1 }));
    const chosen = numbered.filter(({ name, number }) => OURS.test(name) && points.lastIndexOf(name) === number - 1);
    for (const wanted of [
      "thread.message",
      "turn.taken",
      "steer.taken",
      "handoff.given",
      "delegate.run",
      "delegate.settled",
      "finish.parent_woken",
      "thread.continue",
    ]) {
      assert.ok(
        chosen.some(({ name }) => name === wanted),
        `no point ${wanted} was reached`,
      );
    }
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let point = chosen[next++]; point; point = chosen[next++]) await t.test(`at ${point.number}, ${point.name}`, (inner) => killAt(inner, point));
    };
    await Promise.all([worker(), worker(), worker()]);
  },
);

async function killAt(t: TestContext, point: { readonly number: number }): Promise<void> {
  const harmed = await world(t);
  assert.equal(await runChild(harmed, { LOOP_FAILPOINT_KILL_AT: String(point.number) }), "SIGKILL");
  assert.equal(await runChild(harmed, {}), "0");
  assert.deepEqual(await judge(harmed), UNHARMED);
}
