import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { answerAsk } from "#src/asks/answer.ts";
import { expireDueAsks } from "#src/asks/expire.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import type { Role } from "#src/people/role.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { currentRevision, listRevisions } from "#src/workspace/revisions.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { followFolder } from "./follow-folder.ts";
import { holdFolder } from "./held-folder.ts";
import { latestRequest } from "./latest-request.ts";

const BUDGET = "budgets/lisbon.yaml";

async function stage(t: TestContext) {
  const { db, advance } = await testDatabase(t);
  const clock = heldClock();
  const folder = await mkdtemp(join(tmpdir(), "loopwright-apply-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const write = (path: string, text: string): Promise<void> => writeFiles(folder, [[path, text]]);
  await writeFiles(folder, Object.entries(SOUND_FILES));
  await applyFolder(db, clock, { folder, author: "system", note: "first" });
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect: () => Promise.resolve() });
  t.after(following.stop);
  const held = holdFolder({ db, clock, folder, following, tookEffect: () => Promise.resolve() });
  const someone = async (handle: string, roles: readonly Role[]) => ({ ...(await makePrincipal(db, clock, { handle, roles })), scopes: ["*"] });
  const events = async (kind: string) => {
    const { rows } = await sql<{ body: Record<string, unknown> }>`
      select p.body::jsonb as body from events e join payloads p on p.event_id = e.id where e.kind = ${kind} order by e.id`.execute(db);
    return rows.map(({ body }) => body);
  };
  return { db, clock, advance, folder, write, held, someone, events, cap: (usd: number) => write(BUDGET, SOUND_FILES[BUDGET].replace("500", String(usd))) };
}

const numberNow = async ({ db }: { db: Parameters<typeof currentRevision>[0] }) => (await currentRevision(db))?.number;

test("what narrows is applied without a word; what widens needs a yes by an owner or admin", async (t) => {
  const at = await stage(t);
  const owner = await at.someone("zoe", ["owner"]);
  await at.cap(400);
  const narrowed = await at.held.apply({ by: owner, note: "", yes: false });
  assert.deepEqual([narrowed.kind, await numberNow(at)], ["applied", 2]);
  await at.cap(900);
  const unconfirmed = await at.held.apply({ by: owner, note: "", yes: false });
  assert.deepEqual([unconfirmed.kind, await numberNow(at)], ["unconfirmed", 2]);
  const applied = await at.held.apply({ by: owner, note: "dearer", yes: true });
  assert.ok(applied.kind === "applied");
  assert.deepEqual([applied.revision, applied.isNew, await numberNow(at)], [3, true, 3]);
  const [first, second] = await at.events("workspace.applied");
  assert.deepEqual([first!["widens"], first!["approval"], second!["widens"], second!["approval"]], [false, null, true, { how: "role", by: "zoe" }]);
  assert.deepEqual((await at.held.apply({ by: owner, note: "", yes: true })).kind === "applied" && (await numberNow(at)), 3);
});

test("a folder that changed after the plan was shown is not applied", async (t) => {
  const at = await stage(t);
  const owner = await at.someone("zoe", ["owner"]);
  await at.cap(900);
  const shown = await at.held.apply({ by: owner, note: "", yes: false });
  assert.ok(shown.kind === "unconfirmed");
  await at.cap(9_000);
  await assert.rejects(at.held.apply({ by: owner, note: "", yes: true, digest: shown.digest }), (error: LoopError) => error.code === "apply_stale");
  assert.equal(await numberNow(at), 1);
});

test("an operator's apply that widens asks an owner, and their approval applies exactly those files", async (t) => {
  const at = await stage(t);
  const [operator, owner] = [await at.someone("otto", ["operator"]), await at.someone("zoe", ["owner"])];
  await at.cap(900);
  const asked = await at.held.apply({ by: operator, note: "flour", yes: true });
  assert.ok(asked.kind === "asked");
  const again = await at.held.apply({ by: operator, note: "flour", yes: true });
  assert.deepEqual([again.kind === "asked" && again.askId, (await openAsks(at.db)).length], [asked.askId, 1]);
  await assert.rejects(
    answerAsk(at.db, at.clock, { askId: asked.askId, person: operator, answer: "approve", face: "http" }),
    (error: LoopError) => error.code === "ask_not_yours",
  );
  await at.held.settle();
  assert.equal(await numberNow(at), 1);
  await answerAsk(at.db, at.clock, { askId: asked.askId, person: owner, answer: "approve", face: "outbox" });
  await Promise.all([at.held.settle(), at.held.settle()]);
  assert.deepEqual([await numberNow(at), (await latestRequest(at.db))?.state], [2, "applied"]);
  const [applied] = await at.events("workspace.applied");
  assert.deepEqual(applied!["approval"], { how: "ask", by: "zoe", ask: asked.askId });
  assert.equal((await listRevisions(at.db, { limit: 1 }))[0]!.author, operator.id);
});

test("a folder that changed after it was asked is refused when approved, with the difference", async (t) => {
  const at = await stage(t);
  const [operator, owner] = [await at.someone("otto", ["operator"]), await at.someone("zoe", ["owner"])];
  await at.cap(900);
  const asked = await at.held.apply({ by: operator, note: "", yes: false });
  assert.ok(asked.kind === "asked");
  await at.cap(5_000);
  await answerAsk(at.db, at.clock, { askId: asked.askId, person: owner, answer: "approve", face: "http" });
  await at.held.settle();
  const request = await latestRequest(at.db);
  assert.deepEqual([await numberNow(at), request?.state], [1, "refused"]);
  assert.match(request!.reason!, /the folder changed since it was shown: budgets\/lisbon\.yaml: capUsd changed from 900 to 5000/);
  assert.equal((await at.events("apply.refused")).length, 1);
});

test("what is in force changed after it was asked: the approval was for another difference", async (t) => {
  const at = await stage(t);
  const [operator, owner] = [await at.someone("otto", ["operator"]), await at.someone("zoe", ["owner"])];
  await at.cap(900);
  const asked = await at.held.apply({ by: operator, note: "", yes: false });
  assert.ok(asked.kind === "asked");
  await at.cap(100);
  assert.equal((await at.held.apply({ by: owner, note: "", yes: false })).kind, "applied");
  await at.cap(900);
  await answerAsk(at.db, at.clock, { askId: asked.askId, person: owner, answer: "approve", face: "http" });
  await at.held.settle();
  assert.deepEqual(
    [await numberNow(at), (await latestRequest(at.db))?.reason],
    [2, "what is in force changed since it was shown, so the difference is another one"],
  );
});

test("a denied request and one that nobody answers change nothing", async (t) => {
  const at = await stage(t);
  const [operator, owner] = [await at.someone("otto", ["operator"]), await at.someone("zoe", ["owner"])];
  await at.cap(900);
  const asked = await at.held.apply({ by: operator, note: "", yes: false });
  assert.ok(asked.kind === "asked");
  await answerAsk(at.db, at.clock, { askId: asked.askId, person: owner, answer: "deny", face: "http" });
  await at.held.settle();
  assert.deepEqual([await numberNow(at), (await latestRequest(at.db))?.reason], [1, "zoe denied it"]);
  await at.held.apply({ by: operator, note: "", yes: false });
  for (const days of [2, 6]) {
    await at.advance(days * 86_400_000);
    await expireDueAsks(at.db, at.clock);
  }
  await at.held.settle();
  assert.deepEqual([await numberNow(at), (await latestRequest(at.db))?.state], [1, "denied"]);
});

test("no agent applies, whatever other role it has", async (t) => {
  const at = await stage(t);
  for (const roles of [["agent"], ["worker"], ["owner", "agent"]] as const) {
    const machine = await at.someone(`bot-${roles.join("-")}`, roles);
    await at.cap(900 + roles.length);
    await assert.rejects(at.held.apply({ by: machine, note: "", yes: true }), (error: LoopError) => error.code === "permission_missing");
    await assert.rejects(at.held.rollback({ by: machine, note: "", yes: true, target: 1 }), (error: LoopError) => error.code === "permission_missing");
  }
  assert.equal(await numberNow(at), 1);
});

test("a return to an older revision is a new one with the old files, in the folder too; what was edited by hand stays", async (t) => {
  const at = await stage(t);
  const owner = await at.someone("zoe", ["owner"]);
  await at.cap(100);
  await at.write("agents/extra.yaml", "apiVersion: loopwright.dev/v1\nkind: Agent\nname: extra\n");
  await at.write("sensors/heat.sh", "#!/bin/sh\necho 1\n");
  assert.equal((await at.held.apply({ by: owner, note: "", yes: true })).kind, "applied");
  await at.write("teams/house.yaml", `${SOUND_FILES["teams/house.yaml"]}# mine\n`);
  const unconfirmed = await at.held.rollback({ by: owner, note: "", yes: false, target: 1 });
  assert.equal(unconfirmed.kind, "unconfirmed");
  const returned = await at.held.rollback({ by: owner, note: "a mistake", yes: true, target: 1 });
  assert.ok(returned.kind === "applied");
  assert.deepEqual([returned.revision, await numberNow(at)], [3, 3]);
  assert.equal(await readFile(join(at.folder, BUDGET), "utf8"), SOUND_FILES[BUDGET]);
  assert.equal(await readFile(join(at.folder, "sensors/heat.sh"), "utf8"), SOUND_FILES["sensors/heat.sh"]);
  await assert.rejects(stat(join(at.folder, "agents/extra.yaml")));
  assert.match(await readFile(join(at.folder, "teams/house.yaml"), "utf8"), /# mine/);
  await assert.rejects(at.held.rollback({ by: owner, note: "", yes: true, target: 99 }), (error: LoopError) => error.code === "revision_unknown");
});

test("an operator's return to a wider revision asks, and the folder has its files once it is approved", async (t) => {
  const at = await stage(t);
  const [operator, owner] = [await at.someone("otto", ["operator"]), await at.someone("zoe", ["owner"])];
  await at.cap(100);
  await at.held.apply({ by: owner, note: "", yes: false });
  const asked = await at.held.rollback({ by: operator, note: "", yes: true, target: 1 });
  assert.ok(asked.kind === "asked");
  await answerAsk(at.db, at.clock, { askId: asked.askId, person: owner, answer: "approve", face: "http" });
  await at.held.settle();
  assert.equal(await numberNow(at), 3);
  assert.equal(await readFile(join(at.folder, BUDGET), "utf8"), SOUND_FILES[BUDGET]);
});
