import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { say, scriptedModel } from "#src/testing/scripted-model.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import type { Wire } from "./http-fixture.ts";
import { serviceFixture } from "./service-fixture.ts";

const AGENT = `apiVersion: openloop.ai/v1alpha1
kind: Agent
metadata: { name: dev-platform, workspace: acme }
spec:
  model_policy: { default: "anthropic/claude-haiku-4-5" }
  tools:
    - { name: github, type: native, permissions: ["issues:write", "pulls:read", "gone:read"] }
  approvals: { require_for: ["github.issues:write"], approvers: ["@ana", rui] }
  budget: { monthly_usd: 50, per_task_usd: 0.5, on_exceeded: warn }
`;
const TEAM = `apiVersion: loopwright.dev/v1
kind: Team
name: house
members:
  - { id: ana, name: Ana, roles: [approver], identities: [{ surface: slack, id: U0ANA }] }
  - { id: rui, name: Rui, roles: [approver] }
`;
const OTHER = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: clerk\nrunner: model\nprocedure: chat\ninstructions: You are clerk.\n";
const FILES = { "agents/dev-platform.yaml": AGENT, "teams/all.yaml": TEAM, "agents/clerk.yaml": OTHER };

async function face(t: TestContext, files: Readonly<Record<string, string>> = FILES) {
  const made: unknown[] = [];
  const tool = (name: string, effect: "read" | "idempotent"): ToolPort => ({
    name,
    description: "",
    schema: { type: "object", properties: { repo: { type: "string" }, title: { type: "string" } }, required: ["repo"] },
    effect,
    invoke: async (args) => (effect === "read" ? { open: 2 } : (made.push(args), { number: 7 })),
  });
  const fixture = await serviceFixture(t, {
    files: chatWorkspace(files),
    tools: [tool("github.issues.write", "idempotent"), tool("github.pulls.read", "read")],
    model: scriptedModel(() => say("done")),
  });
  const url = await fixture.app.listen({ port: 0, host: "127.0.0.1" });
  const as = async (handle: string, roles: Parameters<typeof fixture.token>[1]) => {
    const token = await fixture.token(handle, roles);
    return async (line: string, body?: unknown): Promise<{ status: number; body: Wire }> => {
      const [method = "GET", path = ""] = line.split(" ");
      const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const reply = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: reply.status, body: (await reply.json()) as Wire };
    };
  };
  return { ...fixture, url, made, as };
}

const ISSUE = { action: "github.issues:write", args: { repo: "acme/web", title: "It leaks" } };
const brief = ({ status, body }: { status: number; body: Wire }) => [status, body.status, body.message];

test("an action that needs nobody is executed, one that does waits for an approver, and what is not allowed is forbidden", async (t) => {
  const { as, made } = await face(t);
  const bot = await as("bot", ["operator"]);
  const read = await bot("POST /tools/invoke", { action: "github.pulls:read", args: { repo: "acme/web" } });
  assert.deepEqual(read, {
    status: 200,
    body: { status: "executed", message: "github.pulls:read", result: { ok: true, summary: "github.pulls:read", data: { open: 2 } }, approval_id: null },
  });
  const wanted = await bot("POST /tools/invoke", ISSUE);
  const id = wanted.body.approval_id as string;
  assert.deepEqual(brief(wanted), [
    200,
    "pending_approval",
    `⏳ Write action (create issue in acme/web: It leaks) — approval required. @ana, @rui: approve ${id}?`,
  ]);
  assert.deepEqual(made, []);
  assert.deepEqual(await bot("GET /approvals"), {
    status: 200,
    body: [{ id, action: "github.issues:write", summary: "create issue in acme/web: It leaks", approvers: ["@ana", "@rui"], requested_by: "bot" }],
  });
  assert.deepEqual(brief(await bot("POST /tools/invoke", { action: "github.pulls:write" })), [
    200,
    "forbidden",
    "github.pulls:write is not in dev-platform's tool allowlist",
  ]);
  assert.deepEqual(brief(await bot("POST /tools/invoke", { action: "github.gone:read" })), [200, "forbidden", "no registered tool provides github.gone:read"]);
  const without = await bot("POST /tools/invoke", { action: "github.pulls:read" });
  assert.deepEqual([without.status, without.body.status], [200, "forbidden"]);
  const malformed = await bot("POST /tools/invoke", { action: "issues" });
  assert.deepEqual([malformed.status, malformed.body.detail.startsWith('The action "issues" cannot be read.')], [422, true]);
  const other = await bot("POST /tools/invoke", { ...ISSUE, requested_by: "ana" });
  assert.equal(other.status, 403);
});

test("who approves is whoever the token is of; the stored arguments are executed once, and a second word changes nothing", async (t) => {
  const { as, made } = await face(t);
  const bot = await as("bot", ["operator"]);
  const [ana, rui, eve] = [await as("ana", ["approver"]), await as("rui", ["approver"]), await as("eve", ["approver"])];
  const wish = async (title: string): Promise<string> => (await bot("POST /tools/invoke", { ...ISSUE, args: { repo: "acme/web", title } })).body.approval_id;
  const id = await wish("first");
  const resolve = (person: typeof ana, of: string, body: object) => person(`POST /approvals/${of}/resolve`, body);
  const forged = await resolve(rui, id, { approver: "ana" });
  assert.deepEqual([forged.status, forged.body.detail], [403, "approver says ana, and this token is that of rui. Send the token of whoever decides."]);
  assert.equal((await resolve(eve, id, { approver: "eve" })).status, 403);
  assert.equal((await resolve(bot, id, { approver: "bot" })).status, 403);
  assert.equal((await resolve(ana, "0123456789ab", { approver: "ana" })).status, 403);
  assert.deepEqual(made, []);
  const approved = await resolve(ana, id, { approver: "@ana" });
  assert.deepEqual(approved.body, {
    status: "executed",
    message: "create issue in acme/web: first",
    result: { ok: true, summary: "create issue in acme/web: first", data: { number: 7 } },
    approval_id: id,
  });
  assert.deepEqual(brief(await resolve(rui, id, { approver: "rui", approve: false })), [200, "executed", `approval ${id} already approved`]);
  assert.deepEqual(made, [{ repo: "acme/web", title: "first" }]);

  const second = await wish("second");
  assert.deepEqual(brief(await resolve(ana, second, { approver: "U0ANA", approve: false })), [200, "denied", "action denied"]);
  assert.deepEqual(brief(await resolve(rui, second, { approver: "rui" })), [200, "denied", `approval ${second} already denied`]);
  const third = await wish("third");
  const both = await Promise.all([resolve(ana, third, { approver: "ana" }), resolve(rui, third, { approver: "rui" })]);
  assert.deepEqual(
    both.map(({ body }) => body.status),
    ["executed", "executed"],
  );
  assert.deepEqual(made, [
    { repo: "acme/web", title: "first" },
    { repo: "acme/web", title: "third" },
  ]);
  const asked = (await ana(`GET /v1/asks/${second}`)).body; // the same asks, seen by our own face
  assert.deepEqual([asked.answer, asked.settledBy, asked.decisions[0].face], ["deny", "ana", "openloop"]);
});

test("spend, budget and the last calls come out of the ledger, and the state of the server names what there is", async (t) => {
  const { as, engine, url, call } = await face(t);
  const bot = await as("bot", ["operator"]);
  for (const [agent, text] of [
    ["dev-platform", "hello"],
    ["clerk", "not of theirs"],
  ]) {
    const { body } = await call("/v1/threads", { agent });
    const sent = await call(`/v1/threads/${body.id}/messages`, { text });
    assert.equal(sent.status, 202, JSON.stringify(sent.body));
    const state = async () => (await call(`/v1/runs/${sent.body.runId}`, undefined, { method: "GET" })).body.state;
    for (let looks = 0; looks < 1_000 && (await state()) !== "done"; looks += 1);
  }
  const usage = await bot("GET /usage");
  assert.deepEqual(
    { ...usage.body, month_to_date_usd: typeof usage.body.month_to_date_usd },
    { agent: "dev-platform", workspace: "acme", month_to_date_usd: "number", monthly_budget_usd: 50, per_task_budget_usd: 0.5, on_exceeded: "warn" },
  );
  const audit = await bot("GET /audit?limit=5");
  assert.equal(audit.body.length, 1, JSON.stringify(audit.body));
  const { agent, user, outcome, prompt_tokens } = audit.body[0];
  assert.deepEqual([agent, user, outcome, prompt_tokens > 0], ["dev-platform", "backend", "ok", true]);
  assert.deepEqual(Object.keys(audit.body[0]).length, 11);
  assert.equal((await bot("GET /audit?limit=501")).status, 422);
  assert.deepEqual((await bot("GET /usage?agent=clerk")).status, 422);
  assert.deepEqual((await bot("GET /healthz")).body, {
    status: "ok",
    agents: ["dev-platform"],
    providers: ["anthropic"],
    memory: "postgres",
    usage: "postgres",
    tools: ["github.issues:write", "github.pulls:read", "github.gone:read"],
  });
  for (const path of ["/healthz", "/usage"]) assert.equal((await fetch(`${url}${path}`)).status, 401);

  await applyFiles(engine.db, engine.clock, { files: chatWorkspace({ "agents/clerk.yaml": OTHER, "teams/all.yaml": TEAM }), author: "system", note: "" });
  for (const line of ["GET /usage", "GET /audit", "GET /approvals", "GET /healthz"]) {
    const gone = await bot(line);
    assert.deepEqual([gone.status, gone.body.code], [404, "route_unknown"], line);
  }
  assert.equal((await bot("POST /tools/invoke", ISSUE)).status, 404);
});
