import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { httpFixture } from "./http-fixture.ts";

const GITHUB = `apiVersion: loopwright.dev/v1
kind: ToolServer
name: github
from: { by: github, auth: { type: token, token: "secret:github" }, repositories: [acme/web] }
`;

const FIRMS = `apiVersion: loopwright.dev/v1
kind: Policy
name: firms
rules: [{ name: firms, when: { kind: message }, then: allow, why: known firms }]
`;

async function proposed(t: TestContext, remote: { host: string; repo: string } | undefined) {
  const view: { current?: ReturnType<typeof createWorkspaceView> } = {};
  const workspaces = { current: () => view.current!.current(), at: (revision: number) => view.current!.at(revision) };
  const { db, clock, call, person, ticket } = await httpFixture(t, { workspaces, gitRemote: () => Promise.resolve(remote) });
  view.current = createWorkspaceView(db);
  await applyFiles(db, clock, { files: filesOf({ ...SOUND_FILES, "tools/github.yaml": GITHUB, "policies/firms.yaml": FIRMS }), author: "system", note: "" });
  const ana = await person("ana", ["owner"]);
  const { number } = await ticket();
  const made = await call(`POST /v1/tickets/${number}/propose-rule`, {
    as: ana,
    payload: { title: "Ovens are for a person", category: "oven", severityAtLeast: 4 },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { body } = await call(`GET /v1/proposals/${made.body.id}`, { as: ana });
  const { body: all } = await call("GET /v1/proposals", { as: ana });
  return [made.body, body, all.proposals[0]].map(({ author, repository }) => ({ author, repository }));
}

test("a proposal names whoever made it, and the repository that a pull request of it can go to", async (t) => {
  const shown = { author: "ana", repository: "acme/web" };
  assert.deepEqual(await proposed(t, { host: "github.com", repo: "acme/web" }), [shown, shown, shown]);
});

test("a proposal of a folder without such a repository names none", async (t) => {
  const shown = { author: "ana", repository: null };
  assert.deepEqual(await proposed(t, { host: "github.com", repo: "acme/other" }), [shown, shown, shown]);
});
