import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToolBox, ToolPort, ToolState } from "#src/acts/ports/tool-port.ts";
import { toolBox } from "#src/acts/ports/tool-port.ts";
import type { ToolLogin } from "#src/acts/ports/tool-source.ts";
import { createToolPins, sourceOf } from "#src/acts/tool-pins.ts";
import { actsOfRun } from "#src/acts/store/read.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { httpFixture } from "./http-fixture.ts";

const HEADER = "apiVersion: loopwright.dev/v1";
const FILES = filesOf({
  "loop.yaml": `${HEADER}\nkind: Workspace\nname: tools\n`,
  "agents/clerk.yaml": `${HEADER}\nkind: Agent\nname: clerk\nrunner: rules\ntools: [docs.read, docs.write]\napprovals: { requireFor: [docs.write] }\n`,
  "tools/docs.yaml": `${HEADER}\nkind: ToolServer\nname: docs\nfrom: { by: mcp, command: [docs] }\n`,
});

const SCHEMA = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tool = (name: string): ToolPort => ({ name, description: "", schema: SCHEMA, effect: "idempotent", invoke: async (args) => ({ did: name, args }) });
const off: ToolState = { name: "docs.new", state: "off", why: "it came later" };

async function world(t: Parameters<typeof httpFixture>[0]) {
  const tools: ToolBox = { ...toolBox([tool("docs.read"), tool("docs.write"), tool("other.read")]) };
  const box: ToolBox = { ...tools, states: () => [...tools.states(), off] };
  const late: { workspaces?: ReturnType<typeof createWorkspaceView> } = {};
  const workspaces = { current: () => late.workspaces!.current(), at: (revision: number) => late.workspaces!.at(revision) };
  const logins: string[] = [];
  const toolLogin: ToolLogin = {
    begin: async ({ name }) => `https://login.example/${name}`,
    finish: async ({ name }, address) => void logins.push(`${name} ${address}`),
  };
  const fixture = await httpFixture(t, { tools: box, workspaces, toolLogin });
  const engine = await testEngine({ db: fixture.db, clock: fixture.clock, files: FILES, tools: tools.list() });
  late.workspaces = createWorkspaceView(fixture.db);
  const owner = await fixture.person("ana", ["owner"]);
  return { ...fixture, engine, owner, logins };
}

test("tools are listed with what they may do, who may call them and why one is off", async (t) => {
  const { call, person } = await world(t);
  const { body } = await call("GET /v1/tools", { as: await person("vera", ["viewer"]) });
  const shown = (body as { tools: { name: string; server: string | null; state: string; why: string | null; agents: string[] }[] }).tools;
  assert.deepEqual(
    shown.map(({ name, server, state, why, agents }) => [name, server, state, why, agents]),
    [
      ["docs.read", "docs", "on", null, ["clerk"]],
      ["docs.write", "docs", "on", null, ["clerk"]],
      ["other.read", null, "on", null, []],
      ["docs.new", "docs", "off", "it came later", []],
    ],
  );
});

test("a call by name makes a run with one act, which passes the gate: allowed, asked about, or refused", async (t) => {
  const { call, engine, owner, db, person } = await world(t);
  const started = async (name: string, payload: object) => {
    const { status, body } = await call(`POST /v1/tools/${name}/call`, { as: owner, payload });
    assert.equal(status, 202, JSON.stringify(body));
    await drain(engine);
    const { id } = body as { id: RunId };
    return { id, run: (await call(`GET /v1/runs/${id}`, { as: owner })).body as { state: string; procedure: string }, act: (await actsOfRun(db, id))[0]! };
  };
  const read = await started("docs.read", { args: { path: "/a" } });
  assert.deepEqual(
    [read.run.state, read.run.procedure, read.act.result, read.act.facts.taint],
    ["done", "call", { did: "docs.read", args: { path: "/a" } }, ["owner"]],
  );
  const wrong = await started("docs.read", { args: {} });
  assert.deepEqual([wrong.run.state, wrong.act.state, wrong.act.error?.code], ["failed", "denied", "denied_by_arguments"]);
  const denied = await started("other.read", { args: { path: "/a" }, agent: "clerk" });
  assert.deepEqual([denied.run.state, denied.act.state, denied.act.error?.code], ["failed", "denied", "denied_by_policy"]);
  const asked = await started("docs.write", { args: { path: "/a" } });
  assert.deepEqual([asked.run.state, asked.act.state], ["waiting", "asked"]);
  await call(`POST /v1/asks/${asked.act.askId}/answer`, { as: owner, payload: { answer: "approve" } });
  await drain(engine);
  assert.deepEqual((await actsOfRun(db, asked.id))[0]!.result, { did: "docs.write", args: { path: "/a" } });

  const refused = async (line: string, payload: object, as = owner) => {
    const { status, body } = await call(line, { as, payload });
    return [status, (body as { code: string }).code];
  };
  assert.deepEqual(await refused("POST /v1/tools/docs.none/call", {}), [404, "tool_unknown"]);
  const { body: mistyped } = await call("POST /v1/tools/docs.raed/call", { as: owner, payload: {} });
  assert.equal((mistyped as { detail: string }).detail, "There is no tool docs.raed. Did you mean docs.read? `loop tools` lists those there are.");
  assert.deepEqual(await refused("POST /v1/tools/other.read/call", {}), [422, "agent_unknown"]);
  assert.deepEqual(await refused("POST /v1/tools/docs.read/call", { agent: "nobody" }), [422, "agent_unknown"]);
  assert.deepEqual(await refused("POST /v1/tools/docs.read/call", {}, await person("rui", ["approver"])), [403, "permission_missing"]);
});

test("a definition that changed is shown beside the approved one, and approved as seen by an owner or admin only", async (t) => {
  const { call, db, clock, owner, person, engine } = await world(t);
  const server = (await engine.workspaces.current()).workspace.toolServers[0]!;
  const pins = createToolPins(db, clock);
  const key = { server: "docs", source: sourceOf(server) };
  const [one, two] = ["1", "2"].map((digit) => digit.repeat(64)) as [string, string];
  await pins.see(key, [{ tool: "read", digest: one, definition: { name: "read" } }]);
  await pins.see(key, [{ tool: "read", digest: two, definition: { name: "read", description: "more" } }]);
  assert.deepEqual((await call("GET /v1/tools/docs.read/definition", { as: owner })).body, {
    name: "docs.read",
    approved: { digest: one, definition: { name: "read" } },
    now: { digest: two, definition: { name: "read", description: "more" } },
  });
  const approve = async (digest: string, as = owner) => (await call("POST /v1/tools/docs.read/approve", { as, payload: { digest } })).status;
  assert.deepEqual([await approve(two, await person("olga", ["operator"])), await approve(one), await approve(two), await approve(two)], [403, 409, 200, 409]);
  assert.equal((await call("GET /v1/tools/docs.none/definition", { as: owner })).status, 404);
  assert.equal((await call("GET /v1/tools/nothing.at/definition", { as: owner })).status, 404);
});

test("a login gives the link and takes the address back, from an owner or admin", async (t) => {
  const { call, owner, person, logins } = await world(t);
  const login = async (name: string, payload: object, as = owner) => call(`POST /v1/tools/${name}/login`, { as, payload });
  assert.deepEqual((await login("docs", {})).body, { server: "docs", link: "https://login.example/docs" });
  assert.deepEqual((await login("docs", { address: "http://127.0.0.1:4747/tools/login?code=x" })).body, { server: "docs", link: null });
  assert.deepEqual(logins, ["docs http://127.0.0.1:4747/tools/login?code=x"]);
  assert.equal((await login("none", {})).status, 404);
  assert.equal((await login("docs", {}, await person("olga", ["operator"]))).status, 403);
});
