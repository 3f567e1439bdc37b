import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { testDatabase } from "#src/testing/database.ts";
import { effects } from "#src/testing/effect-ledger.ts";

const CHILD = join(import.meta.dirname, "..", "testing", "sweep-child.ts");

interface World {
  readonly url: string;
  readonly folder: string;
  readonly db: Awaited<ReturnType<typeof testDatabase>>["db"];
}

async function world(t: TestContext): Promise<World> {
  const { db, url } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-sweep-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return { db, url, folder };
}

/** Gives the signal or code that ended the child. */
function runChild({ url, folder }: World, env: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, url, join(folder, "effects"), join(folder, "outbox")], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.once("exit", (code, signal) => resolve(signal ?? String(code)));
  });
}

async function judge({ db, folder }: World): Promise<{ state: string; acts: string[]; lines: string[] }> {
  const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
  const { rows: acts } = await sql<{ act: string }>`select name || ' ' || state as act from acts where kind <> 'model' order by turn, ordinal`.execute(db);
  const lines = await effects(join(folder, "effects"));
  return { state: runs.map((run) => run.state).join(), acts: acts.map((row) => row.act), lines: lines.map((line) => `${line.kind} ${line.times}`).toSorted() };
}

const UNHARMED = {
  state: "done",
  acts: ["effect.idempotent done", "effect.findable done", "effect.once done", "effect.careful done"],
  lines: ["effect.careful 1", "effect.findable 1", "effect.idempotent 1", "effect.once 1"],
};

test("killed at every named point in turn, a run finishes, and every effect happens once", { timeout: 400_000 }, async (t) => {
  const trace = await world(t);
  const traceFile = join(trace.folder, "points");
  assert.equal(await runChild(trace, { LOOP_FAILPOINT_TRACE: traceFile }), "0");
  assert.deepEqual(await judge(trace), UNHARMED);
  const points = (await readFile(traceFile, "utf8")).trim().split("\n");
  for (const kind of ["model", "tool"]) {
    for (const point of ["started", "performed", "ended"]) assert.ok(points.includes(`act.${kind}.${point}`), `no point act.${kind}.${point} was reached`);
  }
  const chosen = points.map((name, index) => ({ name, number: index + 1 }));
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let point = chosen[next++]; point; point = chosen[next++]) await t.test(`at ${point.number}, ${point.name}`, (inner) => killAt(inner, point));
  };
  await Promise.all([worker(), worker(), worker()]);
});

async function killAt(t: TestContext, point: { name: string; number: number }): Promise<void> {
  const harmed = await world(t);
  assert.equal(await runChild(harmed, { LOOP_FAILPOINT_KILL_AT: String(point.number) }), "SIGKILL");
  assert.equal(await runChild(harmed, {}), "0");
  const seen = await judge(harmed);
  // Between the intent and the outcome of a `once` act only a person knows: the person of this sweep looks, and gives up.
  const once = seen.acts.includes("effect.once cancelled");
  if (once) assert.match(point.name, /^act\.tool\.(started|performed)$|^reconcile|^recover/);
  const happened = seen.lines.filter((line) => !line.startsWith("effect.once"));
  assert.deepEqual({ state: seen.state, happened }, { state: "done", happened: UNHARMED.lines.filter((line) => !line.startsWith("effect.once")) });
  assert.ok(seen.lines.filter((line) => line.startsWith("effect.once")).every((line) => line === "effect.once 1"));
  if (!once) assert.deepEqual(seen.acts, UNHARMED.acts);
}
