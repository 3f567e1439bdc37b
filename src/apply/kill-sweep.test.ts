import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { house, resolveTicket } from "#src/learning/learning-fixture.ts";
import { testDatabase } from "#src/testing/database.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { currentRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { folderWriter } from "./folder-files.ts";
import { learnAndAccept } from "./kill-sweep-fixture.ts";
import { systemClock } from "#src/kernel/clock.ts";

const CHILD = join(import.meta.dirname, "kill-sweep-fixture.ts");
type World = Awaited<ReturnType<typeof testDatabase>> & { readonly base: number };

/** Two resolved tickets from which nothing was learned yet. */
async function world(t: TestContext): Promise<World> {
  const database = await testDatabase(t);
  const { engine, drafts } = await house(database.db);
  drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  for (const sender of ["a@example.org", "b@example.org"])
    await resolveTicket(engine, { sender, text: "the boiler is dripping", labels: { property: "machiya" } });
  return { ...database, base: (await currentRevision(database.db))!.number };
}

/** Forgets everything that came of the last try. */
async function reset({ db, base }: World): Promise<void> {
  await sql`delete from proposals`.execute(db);
  await sql`delete from resolved_cases`.execute(db);
  await sql`delete from brain_items where layer in ('lesson', 'skill')`.execute(db);
  await sql`delete from revisions where number > ${base}`.execute(db);
  await sql`delete from events where kind in ('lesson.learned', 'proposal.opened', 'proposal.accepted') or (kind = 'workspace.revised' and id > (select min(id) from events where kind = 'workspace.revised'))`.execute(
    db,
  );
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-sweep-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Gives the signal or code that ended the child. */
function runChild(url: string, folder: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CHILD, url, folder], { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
    child.once("exit", (code, signal) => resolve(signal ?? String(code)));
  });
}

async function judge({ db }: World, folder: string) {
  const { rows: events } = await sql<{ kind: string; count: number }>`
    select kind, count(*) as count from events where kind in ('lesson.learned', 'proposal.opened', 'proposal.accepted', 'workspace.revised') group by kind order by kind`.execute(
    db,
  );
  const { rows: items } = await sql<{
    layer: string;
    count: number;
  }>`select layer, count(*) as count from brain_items where layer in ('lesson', 'skill') group by layer order by layer`.execute(db);
  const { rows: proposals } = await sql<{ state: string; written: boolean }>`select state, written_at is not null as written from proposals`.execute(db);
  const files = await revisionFiles(db, (await currentRevision(db))!.number);
  const agrees = await Promise.all(
    ["SKILL.md", "skill.yaml"].map(
      async (name) =>
        (await readFile(join(folder, "skills/handle-leak", name), "utf8")) === Buffer.from(files.get(`skills/handle-leak/${name}`)!).toString("utf8"),
    ),
  );
  return { events, items, proposals, agrees };
}

const UNHARMED = {
  events: [
    { kind: "lesson.learned", count: 2 },
    { kind: "proposal.accepted", count: 1 },
    { kind: "proposal.opened", count: 1 },
    { kind: "workspace.revised", count: 2 },
  ],
  items: [
    { layer: "lesson", count: 2 },
    { layer: "skill", count: 1 },
  ],
  proposals: [{ state: "accepted", written: true }],
  agrees: [true, true],
};

test("killed at every named point in turn, what is learned and accepted is there once, in record, brain and folder", { timeout: 300_000 }, async (t) => {
  const first = await world(t);
  const traceFile = join(await folderFor(t), "points");
  const folder = await folderFor(t);
  assert.equal(await runChild(first.url, folder, { LOOP_FAILPOINT_TRACE: traceFile }), "0");
  assert.deepEqual(await judge(first, folder), UNHARMED);
  const points = (await readFile(traceFile, "utf8")).trim().split("\n");
  for (const point of ["learn.case", "learn.remembered", "learn.proposed", "accept.decided", "accept.revised", "accept.committed", "accept.written"])
    assert.ok(points.includes(point), `no point ${point} was reached`);
  let next = 0;
  const worker = async (place: World): Promise<void> => {
    for (let index = next++; index < points.length; index = next++) {
      await reset(place);
      await t.test(`at ${index + 1}, ${points[index]}`, async (inner) => {
        const harmed = await folderFor(inner);
        assert.equal(await runChild(place.url, harmed, { LOOP_FAILPOINT_KILL_AT: String(index + 1) }), "SIGKILL");
        await learnAndAccept({ db: place.db, clock: systemClock, workspaces: createWorkspaceView(place.db), writeFiles: folderWriter(harmed) });
        assert.deepEqual(await judge(place, harmed), UNHARMED);
      });
    }
  };
  await Promise.all([worker(first), worker(await world(t))]);
});
