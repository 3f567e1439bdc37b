import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { inTransaction } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { syncTeam } from "#src/people/team.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { deliverAll } from "#src/testing/deliver-sweep-child.ts";
import { testDatabase, type TestDatabase } from "#src/testing/database.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";

const CHILD = join(import.meta.dirname, "..", "..", "testing", "deliver-sweep-child.ts");

const TEAM = `apiVersion: loopwright.dev/v1
kind: Team
name: all
members:
  - { id: ana, name: Ana, roles: [owner], contact: { surface: outbox, address: ana } }
  - { id: rui, name: Rui, roles: [approver], contact: { surface: plain, address: rui } }
`;

async function world(t: TestContext): Promise<TestDatabase> {
  const database = await testDatabase(t);
  const { db } = database;
  await applyFiles(db, systemClock, { files: chatWorkspace({ "teams/all.yaml": TEAM }), author: "system", note: "test" });
  const { workspace } = await createWorkspaceView(db).current();
  await inTransaction(db, (tx) => syncTeam(tx, systemClock, workspace.team));
  return database;
}

/** Forgets everything that came of the last try. */
async function reset({ db }: TestDatabase): Promise<void> {
  for (const table of ["ask_copies", "ask_decisions", "asks", "outbox"]) await sql`delete from ${sql.table(table)}`.execute(db);
  await sql`delete from events where kind like 'ask.%'`.execute(db);
  await sql`update loop_test_clock set ahead = '0'`.execute(db);
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

async function judge({ db }: TestDatabase, folder: string) {
  const texts = async (place: string): Promise<string[]> => {
    const names = (await readdir(join(folder, place))).filter((name) => name.endsWith(".md"));
    return Promise.all(names.map((name) => readFile(join(folder, place, name), "utf8")));
  };
  const { rows } = await sql<{ told: string }>`
    select e.kind || ' ' || (p.body::jsonb ->> 'to') || ' ' || (p.body::jsonb ->> 'what') as told
    from events e join payloads p on p.event_id = e.id where e.kind like 'ask.deliver%' order by 1`.execute(db);
  const { rows: open } = await sql`select id from ask_copies where due is not null or shown < wanted`.execute(db);
  return {
    outbox: (await texts("outbox/ana")).map((text) => /^Subject: (.*)$/m.exec(text)![1]!).toSorted(),
    plain: (await texts("plain")).map((text) => text.split("\n")[1]!).toSorted(),
    told: rows.map(({ told }) => told),
    open: open.length,
  };
}

const UNHARMED = {
  outbox: ["Answered: Reminder: approval · message dispatch", "Answered: approval · message dispatch"],
  plain: ["Answered: approval · message dispatch", "Reminder: approval · message dispatch", "approval · message dispatch"],
  told: ["ana ask", "ana reminder", "ana settled", "ana settled", "rui ask", "rui reminder", "rui settled"].map((what) => `ask.delivered ${what}`),
  open: 0,
};

test("killed at every named point in turn, each person has each message once, and the copies say how it ended", { timeout: 300_000 }, async (t) => {
  const first = await world(t);
  const traceFile = join(await folderFor(t), "points");
  const folder = await folderFor(t);
  assert.equal(await runChild(first.url, folder, { LOOP_FAILPOINT_TRACE: traceFile }), "0");
  assert.deepEqual(await judge(first, folder), UNHARMED);
  const points = (await readFile(traceFile, "utf8")).trim().split("\n");
  for (const point of ["locked", "taken_back", "planned", "plan_committed", "claimed", "searched", "posted", "recorded", "committed", "edited", "followed_up"])
    assert.ok(points.includes(`deliver.${point}`), `no point deliver.${point} was reached`);
  const chosen = points.flatMap((name, index) => (/^(deliver|outbox)\./.test(name) ? [index + 1] : []));
  let next = 0;
  const worker = async (place: TestDatabase): Promise<void> => {
    for (let index = next++; index < chosen.length; index = next++) {
      const number = chosen[index]!;
      await reset(place);
      await t.test(`at ${number}, ${points[number - 1]}`, async (inner) => {
        const harmed = await folderFor(inner);
        assert.equal(await runChild(place.url, harmed, { LOOP_FAILPOINT_KILL_AT: String(number) }), "SIGKILL");
        await deliverAll(place.db, harmed);
        assert.deepEqual(await judge(place, harmed), UNHARMED);
      });
    }
  };
  await Promise.all([worker(first), worker(await world(t))]);
});
