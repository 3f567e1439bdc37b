import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { followFolder } from "#src/apply/follow-folder.ts";
import { type HeldFolder, holdFolder } from "#src/apply/held-folder.ts";
import { learnFromResolved } from "#src/learning/learn.ts";
import { house, resolveTicket } from "#src/learning/learning-fixture.ts";
import { eventsOf } from "#src/people/people-fixture.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { httpFixture } from "./http-fixture.ts";

const keyed = (key: string) => ({ "idempotency-key": key });

/** A server whose record holds one learned skill that waits for a decision. */
async function withProposal(t: TestContext) {
  const view: { current?: ReturnType<typeof createWorkspaceView> } = {};
  const workspaces = { current: () => view.current!.current(), at: (revision: number) => view.current!.at(revision) };
  const fixture = await httpFixture(t, { workspaces });
  view.current = createWorkspaceView(fixture.db);
  const built = await house(fixture.db);
  built.drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  for (const sender of ["a@example.org", "b@example.org"])
    await resolveTicket(built.engine, { sender, text: "the boiler is dripping on the floor", labels: { property: "machiya" } });
  await learnFromResolved(built.engine);
  const { rows } = await sql<{ id: string }>`select id from proposals where state = 'open'`.execute(fixture.db);
  return {
    ...fixture,
    id: rows[0]!.id,
    kinds: async (prefix: string) => (await eventsOf(fixture.db)).map(({ kind }) => kind).filter((kind) => kind.startsWith(prefix)),
  };
}

const POLICY = (name: string): string =>
  `apiVersion: loopwright.dev/v1\nkind: Policy\nname: ${name}\nrules: [{ name: ${name}-rule, when: { kind: push }, then: deny, why: not here }]\n`;

for (const [verb, event] of [
  ["accept", "proposal.accepted"],
  ["reject", "proposal.rejected"],
] as const) {
  test(`a proposal is decided once under a key (${verb}): a repeat gets the first reply, another request is refused, another key is told that it is over`, async (t) => {
    const { call, person, id, kinds } = await withProposal(t);
    const rui = await person("rui", ["approver"]);
    const decide = (key: string, reason = "good") => call(`POST /v1/proposals/${id}/${verb}`, { as: rui, payload: { reason }, headers: keyed(key) });
    const [one, ...others] = await Promise.all([decide("k"), decide("k"), decide("k")]);
    assert.equal(one.status, 200);
    assert.equal(one.body.decidedBy, "rui");
    for (const other of [...others, await decide("k")]) assert.deepEqual([other.status, other.body], [200, one.body]);
    assert.deepEqual((await decide("k", "other words")).body.code, "idempotency_key_reused");
    assert.deepEqual((await decide("another")).body.code, "proposal_not_open");
    assert.deepEqual(await kinds("proposal."), ["proposal.opened", event]);
  });
}

test("an apply under a key makes one revision: a repeat gets the first reply although the folder has changed since, and problems are no reply to keep", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-repeats-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const write = (path: string, text: string): Promise<void> => writeFiles(folder, [[path, text]]);
  await writeFiles(folder, Object.entries(SOUND_FILES));
  const held: { folder?: HeldFolder } = {};
  const apply: HeldFolder["apply"] = (wish) => held.folder!.apply(wish);
  const unused = (): never => assert.fail("nothing else is asked for here");
  const fixture = await httpFixture(t, { folder: { last: () => undefined, apply, plan: unused, rollback: unused, writeFiles: unused, writeLive: unused } });
  const { db, clock } = fixture;
  const tookEffect = (): Promise<void> => Promise.resolve();
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect });
  t.after(following.stop);
  held.folder = holdFolder({ db, clock, folder, following, tookEffect });
  const ana = await fixture.person("ana", ["owner"]);
  const answer = async (key: string) => (await fixture.call("POST /v1/workspace/apply", { as: ana, payload: { yes: true }, headers: keyed(key) })).body;
  const first = await answer("k");
  assert.deepEqual([first.kind, first.revision, first.isNew], ["applied", 1, true]);
  await write("policies/new.yaml", POLICY("new"));
  assert.deepEqual(await answer("k"), first);
  assert.deepEqual(await Promise.all([answer("l"), answer("l")]).then(([a, b]) => [a.revision, b.revision, a.isNew]), [2, 2, true]);

  await write("policies/broken.yaml", "rules: [");
  assert.equal((await answer("m")).kind, "problems");
  await write("policies/broken.yaml", POLICY("mended"));
  assert.equal((await answer("m")).revision, 3);
});
