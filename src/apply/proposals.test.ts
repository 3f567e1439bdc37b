import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { learnFromResolved } from "#src/learning/learn.ts";
import { HOUSE_TEXTS, house, INES, resolveTicket } from "#src/learning/learning-fixture.ts";
import type { Proposal } from "#src/learning/proposal.ts";
import { proposeRule } from "#src/learning/propose-rule.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { readState } from "#src/runs/store/state.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain } from "#src/testing/engine.ts";
import { receive } from "#src/testing/desk.ts";
import { filesOf, writeFiles } from "#src/testing/workspace-files.ts";
import { listFolder } from "#src/workspace/folder.ts";
import { currentRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { followRevision } from "./effect.ts";
import { folderWriter, writeAccepted } from "./folder-files.ts";
import { acceptProposal, listProposals, rejectProposal, requireProposal } from "./proposals.ts";

const RUI = { id: "prn_rui" as const, handle: "rui", roles: ["approver"] as const };
const leak = (sender: string) => ({ sender, text: "the boiler is dripping on the floor", labels: { property: "machiya" } });

async function start(t: TestContext) {
  const database = await testDatabase(t);
  const built = await house(database.db);
  built.drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  await followRevision(database.db, built.engine.clock, built.engine.workspaces);
  return { ...database, ...built };
}

async function learnedSkill({ engine }: Awaited<ReturnType<typeof start>>): Promise<Proposal> {
  await resolveTicket(engine, leak("a@example.org"));
  await resolveTicket(engine, leak("b@example.org"));
  await learnFromResolved(engine);
  const [proposal] = await listProposals(engine.db, { states: ["open"], limit: 10 });
  return proposal!;
}

async function events(db: Awaited<ReturnType<typeof start>>["db"]): Promise<string[]> {
  const { rows } = await sql<{ kind: string }>`select kind from events where kind like 'proposal.%' order by id`.execute(db);
  return rows.map((row) => row.kind);
}

test("an accepted skill is used by the next ticket without any model, held for a person, and stands in its evidence", async (t) => {
  const world = await start(t);
  const { db, engine, byRules } = world;
  const proposal = await learnedSkill(world);
  const without = await receive(byRules, leak("c@example.org"));
  await drain(byRules);
  const accepted = await acceptProposal(engine, { id: proposal.id, by: RUI, reason: "they did well" });
  assert.deepEqual(
    { state: accepted.state, by: accepted.decidedBy, reason: accepted.decisionReason, revision: accepted.revision, passed: accepted.test!.passed },
    { state: "accepted", by: "rui", reason: "they did well", revision: (await currentRevision(db))!.number, passed: true },
  );
  const { runId, asked } = await resolveTicket(byRules, leak("d@example.org"));
  const dispatchOf = async (id: string) => (await readState(db, id)).acts.find((act) => act.name === "dispatch")!;
  const facts = async (id: string) => {
    const { args, decision } = await dispatchOf(id);
    const { to, facts: said } = args as { to: string; facts: { vendor: string | null; costUsd: number | null } };
    return { to, vendor: said.vendor, costUsd: said.costUsd, decision: (decision as { outcome: string; rule: string }).outcome };
  };
  assert.deepEqual(await facts(without.runId), { to: "sora", vendor: null, costUsd: null, decision: "ask" });
  assert.deepEqual(await facts(runId), { to: "kamo", vendor: "kamo", costUsd: 90, decision: "ask" });
  assert.deepEqual(asked, ["act", "acknowledgement", "resolution", "check"]);
  const pack = (await findReceipt(db, runId))!.pack as unknown as { brain: { layer: string; source: string; trust: string }[] };
  assert.deepEqual(
    pack.brain.filter((hit) => hit.layer === "skill").map(({ source, trust }) => ({ source, trust })),
    [{ source: "skills/handle-leak/SKILL.md", trust: "learned" }],
  );
  assert.deepEqual(await events(db), ["proposal.opened", "proposal.accepted"]);
});

test("what an accepted skill covers is not proposed again, and a ticket that it served proposes nothing", async (t) => {
  const world = await start(t);
  const proposal = await learnedSkill(world);
  await acceptProposal(world.engine, { id: proposal.id, by: INES });
  await resolveTicket(world.byRules, leak("c@example.org"));
  await resolveTicket(world.engine, leak("d@example.org"));
  await learnFromResolved(world.engine);
  assert.deepEqual(
    (await listProposals(world.db, { limit: 10 })).map(({ state }) => state),
    ["accepted"],
  );
});

test("of two who accept at once one wins, one revision is made, and the other is told who it was", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  const before = (await currentRevision(db))!.number;
  const outcomes = await Promise.allSettled([INES, RUI, INES].map((by) => acceptProposal(engine, { id, by })));
  const failed = outcomes.filter((outcome) => outcome.status === "rejected").map((outcome) => (outcome.reason as { code: string }).code);
  assert.deepEqual(failed, ["proposal_not_open", "proposal_not_open"]);
  const { rows } = await sql<{ number: number }>`select number from revisions where number > ${before}`.execute(db);
  assert.equal(rows.length, 1);
  assert.deepEqual(await events(db), ["proposal.opened", "proposal.accepted"]);
});

test("accepting and rejecting at once leaves one of the two, with the workspace to match", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  const before = (await currentRevision(db))!.number;
  await Promise.allSettled([acceptProposal(engine, { id, by: INES }), rejectProposal(engine, { id, by: RUI })]);
  const { state, revision } = await requireProposal(db, id);
  assert.equal((await currentRevision(db))!.number, state === "accepted" ? revision : before);
  assert.deepEqual(await events(db), ["proposal.opened", `proposal.${state}`]);
});

test("another revision that comes in between is kept: the proposal is tried again on top of it", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  const files = await revisionFiles(db, (await currentRevision(db))!.number);
  const changed = new Map([...files, ["goals/dry.md", Buffer.from("# Dry floors\n")] as const]);
  await Promise.all([acceptProposal(engine, { id, by: INES }), applyFiles(db, engine.clock, { files: changed, author: "system", note: "a goal" })]);
  const now = await revisionFiles(db, (await currentRevision(db))!.number);
  const { revision } = await requireProposal(db, id);
  assert.ok(now.has("goals/dry.md"));
  assert.ok((await revisionFiles(db, revision!)).has("skills/handle-leak/skill.yaml"));
});

test("a proposal whose test does not pass any more cannot be accepted, and says why from then on", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  const sop = HOUSE_TEXTS["brain/sops/leak.md"].replace("severity: 3\n", "severity: 3\npreferredVendors: [kamo]\ncostEstimateUsd: 90\n");
  await applyFiles(db, engine.clock, { files: filesOf({ ...HOUSE_TEXTS, "brain/sops/leak.md": sop }), author: "system", note: "now it is written down" });
  await assert.rejects(acceptProposal(engine, { id, by: INES }), { code: "proposal_untested", message: /what the workspace says already suffices/ });
  const { state, test: tested } = await requireProposal(db, id);
  assert.deepEqual({ state, passed: tested!.passed }, { state: "open", passed: false });
});

test("a rejected skill comes again only from two further tickets", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  assert.equal((await rejectProposal(engine, { id, by: RUI, reason: "too dear" })).state, "rejected");
  const states = async () => (await listProposals(db, { limit: 10 })).map(({ state }) => state);
  await resolveTicket(engine, leak("c@example.org"));
  await learnFromResolved(engine);
  assert.deepEqual(await states(), ["rejected"]);
  const { ticketId } = await resolveTicket(engine, leak("d@example.org"));
  await learnFromResolved(engine);
  assert.deepEqual(await states(), ["open", "rejected"]);
  assert.deepEqual(
    (await listProposals(db, { ticketId, limit: 10 })).map(({ state }) => state),
    ["open"],
  );
});

test("an open skill that an accepted one covers is superseded", async (t) => {
  const world = await start(t);
  const { db, engine } = world;
  const { id } = await learnedSkill(world);
  await sql`insert into proposals (id, kind, state, title, reason, fingerprint, files, sources, author)
    select case n when 1 then 'pro_same' when 2 then 'pro_wider' else 'pro_other' end, 'skill', 'open', 't', 'r', n::text, '[]',
      sources || case n when 1 then '{}'::jsonb when 2 then '{"labels": {}}' else '{"vendor": "sari"}' end, 'system'
    from proposals, generate_series(1, 3) as n where id = ${id}`.execute(db);
  await acceptProposal(engine, { id, by: INES });
  const states = Object.fromEntries((await listProposals(db, { limit: 10 })).map((proposal) => [proposal.id, proposal.state]));
  assert.deepEqual(states, { [id]: "accepted", pro_same: "superseded", pro_wider: "open", pro_other: "open" });
});

test("only a person with the role owner, admin or approver decides", async (t) => {
  const world = await start(t);
  const { id } = await learnedSkill(world);
  for (const roles of [["operator"], ["viewer"], ["agent"], ["worker", "owner"], []] as const) {
    const by = { id: "prn_x" as const, handle: "x", roles };
    await assert.rejects(acceptProposal(world.engine, { id, by }), { code: "permission_missing" });
    await assert.rejects(rejectProposal(world.engine, { id, by }), { code: "permission_missing" });
  }
  await assert.rejects(acceptProposal(world.engine, { id: "pro_none", by: INES }), { code: "proposal_unknown" });
});

async function folderWith(t: TestContext, texts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-workspace-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, Object.entries(texts));
  return folder;
}

test("a rule that was accepted holds from the next act on, and folder and record agree", async (t) => {
  const { db, engine, byRules } = await start(t);
  const folder = await folderWith(t, HOUSE_TEXTS);
  const { id } = await proposeRule(engine, { request: { title: "towels too", category: "towels", severityAtLeast: 1 }, author: "prn_ines" });
  await acceptProposal({ ...engine, writeFiles: folderWriter(folder) }, { id, by: INES });
  const { asked } = await resolveTicket(byRules, { sender: "c@example.org", text: "more towels please" });
  assert.equal(asked[0], "act");
  const { files, problems } = await listFolder(folder);
  assert.deepEqual({ files, problems }, { files: await revisionFiles(db, (await currentRevision(db))!.number), problems: [] });
  assert.deepEqual(
    (await readdir(join(folder, "policies"))).filter((name) => name.startsWith(".")),
    [],
  );
});

test("a file that was changed since the proposal was made is not replaced", async (t) => {
  const { db, engine } = await start(t);
  const { id } = await proposeRule(engine, { request: { change: "sop", title: "leaks are worse", category: "leak", severityAtLeast: 2 }, author: "prn_ines" });
  const edited = { ...HOUSE_TEXTS, "brain/sops/leak.md": `${HOUSE_TEXTS["brain/sops/leak.md"]}\nRing the neighbour.\n` };
  await applyFiles(db, engine.clock, { files: filesOf(edited), author: "system", note: "edited" });
  await assert.rejects(acceptProposal(engine, { id, by: INES }), { code: "proposal_stale", message: /brain\/sops\/leak\.md changed since/ });
});

test("files that a crash kept from the folder are written by the next look, and what a person changed there stays", async (t) => {
  const { db, engine } = await start(t);
  const folder = await folderWith(t, HOUSE_TEXTS);
  const propose = (severityAtLeast: number) =>
    proposeRule(engine, { request: { change: "sop", title: "leaks are worse", category: "leak", severityAtLeast }, author: "prn_ines" });
  const { id, files } = await propose(3);
  await acceptProposal(engine, { id, by: INES }); // this process has no folder, or died here
  const file = join(folder, "brain/sops/leak.md");
  assert.equal(await readFile(file, "utf8"), HOUSE_TEXTS["brain/sops/leak.md"]);
  await writeAccepted(db, folderWriter(folder));
  assert.equal(await readFile(file, "utf8"), files[0]!.text);

  const second = await propose(2);
  await acceptProposal(engine, { id: second.id, by: INES });
  await writeFile(file, "mine");
  await writeAccepted(db, folderWriter(folder));
  await writeAccepted(db, () => Promise.reject(new Error("nothing is left to write")));
  assert.equal(await readFile(file, "utf8"), "mine");
});

test("nothing is written through a link, or outside the workspace", async (t) => {
  const folder = await folderWith(t, { "loop.yaml": "" });
  const outside = await folderWith(t, { "keep.yaml": "" });
  await symlink(outside, join(folder, "policies"));
  const write = folderWriter(folder);
  for (const path of ["policies/rule.yaml", "../policies/x.yaml", "policies/../../x.yaml", ".git/config", "notes.txt"]) {
    await assert.rejects(write([{ path, text: "x", base: null }]), { code: "workspace_invalid" }, path);
  }
  assert.deepEqual(await readdir(outside), ["keep.yaml"]);
});
