import assert from "node:assert/strict";
import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { listRevisions } from "#src/workspace/revisions.ts";
import { loopFixture } from "./loop-fixture.ts";

test("a goal is written, in force at once and by whoever wrote it, and put away beside what was put away before", async (t) => {
  const { call, person, folder, db } = await loopFixture(t);
  const ana = await person("ana", ["operator"]);
  const state = async () => (await call("GET /v1/loop/state", { as: ana })).body;
  const before = await state();
  const write = await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "fix-login", body: "# Logins work\n\n\n" } });
  assert.equal(write.status, 200, JSON.stringify(write.body));
  assert.equal(write.body.file, "goals/fix-login.md");
  assert.equal(await readFile(join(folder, "goals/fix-login.md"), "utf8"), "# Logins work\n");
  const after = await state();
  assert.ok(after.goals.includes("fix-login"));
  assert.notEqual(after.world_hash, before.world_hash);
  assert.match(after.journal_tail.at(-1), / write-goal fix-login$/);
  const [revision] = await listRevisions(db, { limit: 1 });
  assert.deepEqual([revision?.author, revision?.kind], [ana.principal.id, "live"]);

  for (const file of ["goals/archive/fix-login.md", "goals/archive/fix-login-2.md"]) {
    await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "fix-login", body: file, journal: "again" } });
    const archived = await call("POST /v1/loop/goal/archive", { as: ana, payload: { id: "fix-login" } });
    assert.equal(archived.body.file, file);
    assert.equal(await readFile(join(folder, file), "utf8"), `${file}\n`);
  }
  assert.deepEqual((await readdir(join(folder, "goals"))).includes("fix-login.md"), false);
  assert.equal((await state()).world_hash, before.world_hash, "what is archived is not in the hash");
  const gone = await call("POST /v1/loop/goal/archive", { as: ana, payload: { id: "fix-login" } });
  assert.deepEqual([gone.status, gone.body.code], [404, "goal_unknown"]);
});

test("names that lead elsewhere, blank and endless texts, and what would break the workspace are refused; nothing is written", async (t) => {
  const { call, person, folder, db } = await loopFixture(t);
  const ana = await person("ana", ["operator"]);
  const viewer = await person("vi", ["viewer"]);
  const wrong = [
    { id: "../x", body: "x" },
    { id: ".x", body: "x" },
    { id: "a/b", body: "x" },
    { id: "", body: "x" },
    { id: "x", body: " \n " },
    { id: "x", body: "a".repeat(262_145) },
    { id: "x", body: "---\nlabels: [no\n---\ntext" },
  ];
  for (const payload of wrong) {
    const { status, body } = await call("POST /v1/loop/goal/write", { as: ana, payload });
    assert.deepEqual([status, body.code], [422, "input_invalid"], JSON.stringify(payload).slice(0, 80));
  }
  assert.equal((await call("POST /v1/loop/goal/write", { as: viewer, payload: { id: "x", body: "x" } })).status, 403);
  await symlink("/etc/passwd", join(folder, "goals/linked.md"));
  assert.equal((await call("POST /v1/loop/goal/write", { as: ana, payload: { id: "linked", body: "x" } })).status, 422);
  assert.equal((await listRevisions(db, { limit: 10 })).length, 1);
});

test("the playbook keeps its last twenty texts; what changed is shown, and an older one comes back", async (t) => {
  const { call, person, folder } = await loopFixture(t, { "PLAYBOOK.md": "one\nsame\n" });
  const ana = await person("ana", ["operator"]);
  const none = await call("GET /v1/loop/playbook/diff", { as: ana });
  assert.deepEqual([none.status, none.body.detail], [404, "There is no text of the playbook 1 back. It was never changed."]);
  for (const text of ["two\nsame", "three\nsame"]) await call("POST /v1/loop/playbook/write", { as: ana, payload: { body: text } });
  const { body } = await call("GET /v1/loop/playbook/diff?back=2", { as: ana });
  assert.deepEqual([body.back, body.kept, body.lines], [2, 2, ["- one", "+ three", "  same"]]);
  const restored = await call("POST /v1/loop/playbook/restore", { as: ana, payload: { back: 2 } });
  assert.equal(restored.body.restored, body.revision);
  assert.equal(await readFile(join(folder, "PLAYBOOK.md"), "utf8"), "one\nsame\n");
  const lines = (await call("GET /v1/loop/journal", { as: ana })).body.lines.map(({ line }: { line: string }) => line);
  assert.deepEqual(lines, ["write-playbook", "write-playbook", `restore-playbook of revision ${body.revision}`]);
  for (let count = 0; count < 21; count += 1) await call("POST /v1/loop/playbook/write", { as: ana, payload: { body: `text ${count}` } });
  assert.equal((await call("GET /v1/loop/playbook/diff?back=19", { as: ana })).body.kept, 19);
  assert.equal((await call("GET /v1/loop/playbook/diff?back=20", { as: ana })).status, 422);
});

test("a sensor is only proposed: nothing is in the folder before an owner has accepted it, and an approver may not", async (t) => {
  const { call, person, folder } = await loopFixture(t);
  const [rhea, owner, approver] = [await person("rhea", ["operator"]), await person("olga", ["owner"]), await person("al", ["approver"])];
  const { status, body } = await call("POST /v1/loop/sensor/write", { as: rhea, payload: { name: "disk", script: "echo '{\"signal\":{}}'" } });
  assert.deepEqual([status, body.file], [200, "sensors/disk.sh"]);
  const again = await call("POST /v1/loop/sensor/write", { as: rhea, payload: { name: "disk", script: "echo '{\"signal\":{}}'" } });
  assert.equal(again.body.proposal, body.proposal);
  await assert.rejects(readFile(join(folder, "sensors/disk.sh")), { code: "ENOENT" });
  assert.equal((await call(`POST /v1/proposals/${body.proposal}/accept`, { as: approver, payload: {} })).status, 403);
  const accepted = await call(`POST /v1/proposals/${body.proposal}/accept`, { as: owner, payload: {} });
  assert.equal(accepted.status, 200, JSON.stringify(accepted.body));
  assert.equal(await readFile(join(folder, "sensors/disk.sh"), "utf8"), "#!/usr/bin/env bash\necho '{\"signal\":{}}'\n");
});
