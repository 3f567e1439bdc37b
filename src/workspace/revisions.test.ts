import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "./current.ts";
import type { FileSet } from "./files.ts";
import { currentRevision, filesDigest, recordRevision, requireRevision, revisionFiles } from "./revisions.ts";
import { applyFiles, applyFolder, createFolderTaker, takeFolder, type Taken } from "./taking.ts";

const clock = heldClock();
const SOUND = filesOf(SOUND_FILES);
const soundBut = (changed: Record<string, string>): FileSet => filesOf({ ...SOUND_FILES, ...changed });
const texts = (files: FileSet) => Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]));

async function writeFolder(folder: string, files: Record<string, string>): Promise<void> {
  await writeFiles(folder, Object.entries(files));
}

async function soundFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFolder(folder, SOUND_FILES);
  return folder;
}

const events = async (db: Db) => {
  const { rows } = await sql<{ kind: string; actor: string; body: string }>`
    select events.kind, events.actor, payloads.body from events join payloads on payloads.event_id = events.id order by events.id`.execute(db);
  return rows.map(({ kind, actor, body }) => ({
    kind,
    actor,
    said: JSON.parse(body) as { parent: number; added: string[]; removed: string[]; changed: string[] },
  }));
};

const words = (taken: Taken) => {
  if (taken.kind !== "taken") assert.fail(JSON.stringify(taken));
  return { live: taken.live.map((change) => change.words), waiting: taken.waiting.map((change) => change.words) };
};

test("a revision comes back byte for byte, with its digest and its event", async (t) => {
  const { db } = await testDatabase(t);
  assert.equal(await currentRevision(db), null);
  const recorded = await inTransaction(db, (tx) => recordRevision(tx, clock, { kind: "apply", author: "prn_ana", note: "first", files: SOUND, base: 0 }));
  assert.ok(recorded.kind === "recorded");
  const { number } = recorded.revision;
  assert.deepEqual(await currentRevision(db), recorded.revision);
  assert.deepEqual(await requireRevision(db, number), recorded.revision);
  assert.deepEqual(texts(await revisionFiles(db, number)), SOUND_FILES);
  const { atMs, ...facts } = recorded.revision;
  assert.ok(Number.isInteger(atMs));
  assert.deepEqual(facts, { number, parent: 0, digest: filesDigest(SOUND), kind: "apply", author: "prn_ana", note: "first" });

  const next = new Map([...soundBut({ "goals/stock.md": "# Less\n", "goals/new.md": "# New\n" })].filter(([path]) => path !== "PLAYBOOK.md"));
  await inTransaction(db, (tx) => recordRevision(tx, clock, { kind: "live", author: "system", note: "n", files: next, base: number }));
  assert.deepEqual(
    (await events(db)).map(({ kind, actor, said: { added, removed, changed, parent } }) => ({ kind, actor, added: added.length, removed, changed, parent })),
    [
      { kind: "workspace.revised", actor: "prn_ana", added: SOUND.size, removed: [], changed: [], parent: 0 },
      { kind: "workspace.revised", actor: "system", added: 1, removed: ["PLAYBOOK.md"], changed: ["goals/stock.md"], parent: number },
    ],
  );
});

test("a content that many files and revisions share is kept once", async (t) => {
  const { db } = await testDatabase(t);
  const same = filesOf({ ...SOUND_FILES, "goals/a.md": "same", "goals/b.md": "same" });
  await applyFiles(db, clock, { files: same, author: "system", note: "" });
  await applyFiles(db, clock, { files: new Map([...same, ["goals/c.md", Buffer.from("same")]]), author: "system", note: "" });
  const { rows } = await sql<{ count: number }>`select count(*) from blobs`.execute(db);
  assert.equal(rows[0]?.count, SOUND.size + 1);
});

test("all or nothing: a transaction that fails leaves no revision, no content and no event", async (t) => {
  const { db } = await testDatabase(t);
  const failed = inTransaction(db, async (tx) => {
    await recordRevision(tx, clock, { kind: "apply", author: "system", note: "", files: SOUND, base: 0 });
    throw new Error("the caller fails");
  });
  await assert.rejects(failed, { message: "the caller fails" });
  const { rows } = await sql<{
    rows: number;
  }>`select (select count(*) from revisions) + (select count(*) from blobs) + (select count(*) from events) as rows`.execute(db);
  assert.deepEqual(rows, [{ rows: 0 }]);
});

test("of many who revise the same revision at once one wins, and the others are told which is in force", async (t) => {
  const { db } = await testDatabase(t);
  const first = await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  assert.ok(first.kind === "applied");
  const tries = Array.from({ length: 6 }, (_, index) =>
    inTransaction(db, (tx) =>
      recordRevision(tx, clock, { kind: "live", author: "system", note: "", files: soundBut({ "goals/stock.md": `# ${index}` }), base: first.revision }),
    ),
  );
  const results = await Promise.all(tries);
  const winners = results.flatMap((result) => (result.kind === "recorded" ? [result.revision.number] : []));
  assert.equal(winners.length, 1);
  assert.deepEqual(new Set(results.flatMap((result) => (result.kind === "moved" ? [result.current] : []))), new Set(winners));
  const invented = await inTransaction(db, (tx) => recordRevision(tx, clock, { kind: "live", author: "system", note: "", files: SOUND, base: 4_711 }));
  assert.deepEqual(invented, { kind: "moved", current: winners[0] });
  assert.equal((await events(db)).length, 2);
});

test("everybody who applies at once gets in, one after the other", async (t) => {
  const { db } = await testDatabase(t);
  const applied = await Promise.all(
    Array.from({ length: 4 }, (_, index) => applyFiles(db, clock, { files: soundBut({ "goals/stock.md": `# ${index}` }), author: "system", note: "" })),
  );
  const numbers = applied.map((result) => (result.kind === "applied" && result.isNew ? result.revision : Number.NaN)).toSorted((a, b) => a - b);
  assert.equal(new Set(numbers).size, 4);
  const { rows } = await sql<{ parent: number }>`select parent from revisions order by number`.execute(db);
  assert.deepEqual(
    rows.map((row) => row.parent),
    [0, ...numbers.slice(0, 3)],
  );
});

test("a revision whose files were tampered with or lost is not used", async (t) => {
  const { db } = await testDatabase(t);
  const applied = await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  assert.ok(applied.kind === "applied");
  await sql`update blobs set content = 'x' where digest = (select files ->> 'policies/house.yaml' from revisions)`.execute(db);
  await assert.rejects(revisionFiles(db, applied.revision), { code: "workspace_invalid", message: /is damaged/ });
  await sql`delete from blobs where digest = (select files ->> 'policies/house.yaml' from revisions)`.execute(db);
  await assert.rejects(revisionFiles(db, applied.revision), { code: "workspace_invalid" });
  await assert.rejects(requireRevision(db, 99), { code: "revision_unknown", facts: { revision: 99 } });
});

test("before the first apply the folder has nothing to join", async (t) => {
  const { db } = await testDatabase(t);
  const taken = await takeFolder(db, clock, { folder: await soundFolder(t), author: "system" });
  assert.equal(taken.kind, "unapplied");
  assert.equal(await currentRevision(db), null);
});

test("a beat takes what is live, notices what is power, and leaves it waiting until it is applied", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await soundFolder(t);
  const first = await applyFolder(db, clock, { folder, author: "prn_ana", note: "first" });
  assert.ok(first.kind === "applied" && first.isNew);
  assert.deepEqual(await takeFolder(db, clock, { folder, author: "system" }), { kind: "taken", revision: first.revision, live: [], waiting: [] });

  const changed = {
    "goals/stock.md": "# Flour for two weeks\n",
    "brain/voice/new.md": "---\ntitle: New\nspeaker: ana\nlanguage: pt\nrecordedAt: 2026-02-02T08:00:00Z\n---\nx\n",
    "policies/house.yaml": SOUND_FILES["policies/house.yaml"].replace("aboveUsd: 100", "aboveUsd: 900"),
    "brain/sops/oven.md": SOUND_FILES["brain/sops/oven.md"]
      .replace("severityAtOrAbove: 4", "severityAtOrAbove: 5")
      .replace("Turn the gas off first.", "Hurry."),
  };
  await writeFolder(folder, changed);
  const taken = await takeFolder(db, clock, { folder, author: "system" });
  assert.deepEqual(words(taken), {
    live: ["brain/voice/new.md is new", "goals/stock.md: the text changed (1 lines added, 3 removed)"],
    waiting: [
      "brain/sops/oven.md: escalation.severityAtOrAbove changed from 4 to 5",
      "policies/house.yaml: rule dear, when.cost.aboveUsd changed from 100 to 900",
      "brain/sops/oven.md: the text changed (1 lines added, 1 removed)",
    ],
  });
  const inForce = texts(await revisionFiles(db, (await currentRevision(db))!.number));
  assert.deepEqual(inForce, { ...SOUND_FILES, "goals/stock.md": changed["goals/stock.md"], "brain/voice/new.md": changed["brain/voice/new.md"] });
  assert.equal((await currentRevision(db))?.kind, "live");

  const again = await takeFolder(db, clock, { folder, author: "system" });
  assert.deepEqual(words(again).live, []);
  assert.equal(words(again).waiting.length, 3);

  await applyFolder(db, clock, { folder, author: "prn_ana", note: "second" });
  assert.deepEqual(texts(await revisionFiles(db, (await currentRevision(db))!.number)), { ...SOUND_FILES, ...changed });
  assert.deepEqual(words(await takeFolder(db, clock, { folder, author: "system" })), { live: [], waiting: [] });
});

test("a taker that looks at an unchanged folder reads no file, and sees every change of folder and record", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await soundFolder(t);
  const later = { nowMs: () => Date.UTC(2100, 0, 1) }; // long after the files were written
  await applyFolder(db, later, { folder, author: "system", note: "" });
  const take = createFolderTaker(db, later, { folder, author: "system" });
  await writeFolder(folder, { "goals/stock.md": "# New\n", "budgets/lisbon.yaml": SOUND_FILES["budgets/lisbon.yaml"].replace("500", "900") });
  const first = await take();
  assert.deepEqual([words(first).live.length, words(first).waiting.length], [1, 1]);
  const second = await take();
  assert.deepEqual(second, { ...first, live: [] });
  assert.equal(await take(), second); // the very object: nothing was read

  await writeFolder(folder, { "goals/stock.md": "# Old\n" });
  assert.deepEqual(words(await take()).live, ["goals/stock.md: the text changed (1 lines added, 1 removed)"]);
  await applyFiles(db, later, { files: SOUND, author: "prn_ana", note: "by another way" });
  assert.deepEqual(words(await take()).live, ["goals/stock.md: the text changed (1 lines added, 3 removed)"]);
  await writeFolder(folder, { "loop.yaml": "{" });
  assert.equal((await take()).kind, "problems");
  assert.equal((await take()).kind, "problems");

  const justWritten = createFolderTaker(db, { nowMs: () => 0 }, { folder, author: "system" });
  assert.notEqual(await justWritten(), await justWritten());
});

test("a live file that goes is taken away, and a power file that goes waits", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await soundFolder(t);
  await applyFolder(db, clock, { folder, author: "system", note: "" });
  await rm(join(folder, "PLAYBOOK.md"));
  await rm(join(folder, "budgets"), { recursive: true });
  assert.deepEqual(words(await takeFolder(db, clock, { folder, author: "system" })), {
    live: ["PLAYBOOK.md is gone"],
    waiting: ["budgets/lisbon.yaml is gone"],
  });
  const paths = [...(await revisionFiles(db, (await currentRevision(db))!.number)).keys()];
  assert.deepEqual([paths.includes("PLAYBOOK.md"), paths.includes("budgets/lisbon.yaml")], [false, true]);
});

test("live changes that make no sense without changes of power wait with them", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await soundFolder(t);
  const first = await applyFolder(db, clock, { folder, author: "system", note: "" });
  const renamed = ["teams/house.yaml", "budgets/lisbon.yaml", "skills/fix-oven/skill.yaml", "brain/entities/shops.yaml", "brain/voice/gas.md"] as const;
  await writeFolder(folder, Object.fromEntries(renamed.map((path) => [path, SOUND_FILES[path].replaceAll("lisbon", "porto")])));
  const taken = await takeFolder(db, clock, { folder, author: "system" });
  assert.deepEqual(
    [taken.kind === "taken" && taken.revision, words(taken).live.length, words(taken).waiting.length > 4],
    [first.kind === "applied" && first.revision, 0, true],
  );
});

test("a broken file is told with its place, and the last good revision stays in force", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await soundFolder(t);
  await applyFolder(db, clock, { folder, author: "system", note: "" });
  const before = await currentRevision(db);
  await writeFolder(folder, { "goals/stock.md": "# New", "policies/house.yaml": "rules: [" });
  for (const result of [await takeFolder(db, clock, { folder, author: "system" }), await applyFolder(db, clock, { folder, author: "system", note: "" })]) {
    assert.deepEqual(result.kind === "problems" && result.problems.map(({ file, line }) => `${file}:${line}`), ["policies/house.yaml:1"]);
  }
  assert.deepEqual(await currentRevision(db), before);
});

test("applying the same files twice makes one revision", async (t) => {
  const { db } = await testDatabase(t);
  const first = await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  const second = await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  assert.deepEqual(second, { kind: "applied", revision: first.kind === "applied" ? first.revision : 0, isNew: false, power: [], live: [] });
});

test("a view gives the same object while nothing changed, and keeps what runs are pinned to", async (t) => {
  const { db } = await testDatabase(t);
  const view = createWorkspaceView(db);
  await assert.rejects(view.current(), { code: "revision_unknown" });
  await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  const [first, same] = await Promise.all([view.current(), view.current()]);
  assert.equal(first.workspace, same.workspace);
  assert.equal((await view.current()).workspace, first.workspace);
  assert.equal(first.workspace.manifest.name, "bakery");

  await applyFiles(db, clock, { files: soundBut({ "goals/stock.md": "# Other\n" }), author: "system", note: "" });
  const second = await view.current();
  assert.notEqual(second.workspace, first.workspace);
  assert.equal(second.workspace.goals[0]?.title, "Other");
  assert.equal(await view.at(first.revision), first.workspace);
  assert.deepEqual(await createWorkspaceView(db).at(first.revision), first.workspace);
  await assert.rejects(view.at(99), { code: "revision_unknown" });
});

test("a view that met a damaged revision looks again the next time", async (t) => {
  const { db } = await testDatabase(t);
  await applyFiles(db, clock, { files: SOUND, author: "system", note: "" });
  await sql`update blobs set content = content || 'x'::bytea where digest = (select files ->> 'PLAYBOOK.md' from revisions)`.execute(db);
  const view = createWorkspaceView(db);
  await assert.rejects(view.current(), { code: "workspace_invalid" });
  await sql`update blobs set content = ${Buffer.from(SOUND_FILES["PLAYBOOK.md"])} where digest = (select files ->> 'PLAYBOOK.md' from revisions)`.execute(db);
  assert.equal((await view.current()).workspace.playbook?.body, "# Playbook\n\nBread first.");
});
