import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { insertProposal } from "#src/learning/store/change-proposals.ts";
import { newId } from "#src/kernel/ids.ts";
import { readState } from "#src/runs/store/state.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { openPullRequest, pullTarget } from "./pull-request.ts";

const ANA = { id: "prn_ana" as const, handle: "ana", roles: ["owner"] as const };
const HEADER = "apiVersion: loopwright.dev/v1";
const GITHUB = `${HEADER}\nkind: ToolServer\nname: code\nfrom: { by: github, auth: { type: token, token: "secret:github" }, repositories: [acme/*] }\n`;
const PUSHES = `${HEADER}\nkind: Policy\nname: pushes\nrules:\n  - { name: pushes, when: { kind: push }, then: ask, why: a person looks at what is pushed }\n`;
const REMOTE = { host: "github.com", repo: "acme/house" };

async function start(t: TestContext, { policy }: { policy: boolean }) {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const opened: Json[] = [];
  const tool: ToolPort = {
    name: "code.pulls.propose",
    description: "opens a pull request",
    schema: { type: "object" },
    effect: "findable",
    terms: { outbound: true },
    invoke(args) {
      opened.push(args);
      return Promise.resolve({ number: 1, url: "https://github.com/acme/house/pull/1" });
    },
    find: () => Promise.resolve(undefined),
  };
  const files = chatWorkspace({ "tools/code.yaml": GITHUB, ...(policy ? { "policies/pushes.yaml": PUSHES } : {}) });
  const engine = await testEngine({ db, clock, files, tools: [tool] });
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock, revision, workspace, tiers: engine.tiers(workspace) };
  const id = newId("pro", clock.nowMs());
  const file = { path: "policies/leaks.yaml", text: "name: leaks\n", base: null };
  await inTransaction(db, (tx) =>
    insertProposal(
      tx,
      {
        id,
        kind: "rule",
        title: "Ask about leaks",
        reason: "From #1.",
        fingerprint: "f",
        files: [file],
        sources: { tickets: [] },
        test: null,
        prompt: null,
        author: ANA.id,
      },
      [],
    ),
  );
  const publish = (target: ReturnType<typeof pullTarget> | null = null) => openPullRequest(db, place, { id, by: ANA, target: target ?? undefined });
  return { db, engine, workspace, id, opened, publish };
}

test("the pull request of a proposal waits for the person that policy asks, and is opened once", async (t) => {
  const { db, engine, workspace, id, opened, publish } = await start(t, { policy: true });
  const runId = await publish(pullTarget(workspace, REMOTE));
  await drain(engine);
  const [ask] = await openAsks(db);
  assert.deepEqual([ask!.rule, opened.length], ["pushes", 0]);
  await answerAsk(db, engine.clock, { askId: ask!.id, person: ANA, answer: "approve", face: "test" });
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, run.procedure, acts.map(({ kind, state }) => `${kind} ${state}`)], ["done", "call", ["push done"]]);
  assert.deepEqual(opened, [
    {
      repo: "acme/house",
      title: "Ask about leaks",
      body: `From #1.\n\nProposal ${id}. When it is merged, \`loop plan\` shows what changes, and \`loop apply\` puts it in force.`,
      branch: `loopwright/${id}`,
      files: [{ path: "policies/leaks.yaml", text: "name: leaks\n" }],
      draft: true,
    },
  ]);
});

test("without a rule that lets it, nothing is pushed, and the run says why", async (t) => {
  const { db, engine, workspace, opened, publish } = await start(t, { policy: false });
  const runId = await publish(pullTarget(workspace, REMOTE));
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, acts[0]!.state, opened.length], ["failed", "denied", 0]);
});

test("only a repository that a server of tools reaches is a target, and without one nothing is queued", async (t) => {
  const { workspace, publish } = await start(t, { policy: true });
  assert.deepEqual(pullTarget(workspace, REMOTE), { server: "code", repo: "acme/house" });
  for (const remote of [
    undefined,
    { host: "github.com", repo: "other/house" },
    { host: "evil.com", repo: "acme/house" },
    { host: "github.com", repo: "acme/a/b" },
  ])
    assert.equal(pullTarget(workspace, remote), undefined);
  await assert.rejects(publish(), { code: "input_invalid" });
});
