import assert from "node:assert/strict";
import { test } from "node:test";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import type { Wire } from "./http-fixture.ts";
import { serviceFixture } from "./service-fixture.ts";

const SERVICE = `apiVersion: loopwright.dev/v1
kind: Service
name: decide
description: Picks one of the options.
path: /decide_it
startingAgent: judge
agents: [judge]
input:
  type: object
  properties: { prompt: { type: string }, options: { type: array, items: { $ref: "#/$defs/option" } } }
  required: [prompt, options]
  $defs: { option: { type: string, minLength: 1 } }
output: { type: object, properties: { decision: { type: string, x-enumFrom: options } }, required: [decision] }
unusable: no_decision
limits: { timeout: 5s, callsPerMinute: 40 }
`;
const AGENT = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: judge\nrunner: model\nprocedure: chat\ninstructions: You decide.\n";
const TALK = "apiVersion: loopwright.dev/v1\nkind: Service\nname: talk\nstartingAgent: judge\nagents: [judge]\nreply: messages\n";

test("the description has each applied service with what comes in, what goes out and how it fails, and loses it with the apply that takes it away", async (t) => {
  const agents = { "agents/judge.yaml": AGENT };
  const { call, engine, token } = await serviceFixture(t, { files: chatWorkspace({ ...agents, "services/decide.yaml": SERVICE, "services/talk.yaml": TALK }) });
  const viewer = await token("vera", ["viewer"]);
  const get = async (path: string): Promise<Wire> => {
    const { status, body } = await call(path, undefined, { method: "GET", token: viewer });
    assert.equal(status, 200);
    return body;
  };
  const { paths, components } = await get("/openapi.json");
  const { post } = paths["/decide_it"];
  assert.deepEqual(post.requestBody.content["application/json"].schema, { $ref: "#/components/schemas/Service.decide.Input" });
  const { Input, Output } = { Input: components.schemas["Service.decide.Input"], Output: components.schemas["Service.decide.Output"] };
  assert.deepEqual(
    [Input.required, Input.properties.prompt, Input.properties.session_id.type],
    [["prompt", "options"], { type: "string" }, ["string", "null"]],
  );
  assert.deepEqual(Input.properties.options.items, { $ref: "#/components/schemas/Service.decide.Input/$defs/option" });
  assert.deepEqual(Output.properties.decision, { type: "string", "x-enumFrom": "options" });
  assert.deepEqual(post.responses["200"].content["application/json"].schema, { $ref: "#/components/schemas/Service.decide.Output" });
  assert.deepEqual(Object.keys(paths["/v1/services/decide"].post.responses["200"].content["application/json"].schema.properties), [
    "run_id",
    "session_id",
    "state",
    "output",
  ]);
  assert.deepEqual(Object.keys(post.responses), ["200", "202", "401", "403", "413", "422", "429", "502", "503", "504"]);
  assert.match(post.responses["502"].description, /no_decision/);
  assert.match(post.responses["504"].description, /after 5 seconds/);
  assert.deepEqual(components.schemas.ServiceFaults.properties.detail.items.required, ["loc", "msg", "type"]);
  assert.equal(components.schemas["Service.talk.Output"].type, "array");
  for (const ref of refsOf({ paths, schemas: components.schemas })) assert.ok(found(components.schemas, ref), ref);

  const page = await get("/docs/json");
  assert.deepEqual(page, { ...page, paths, components }); // the page shows the same
  assert.match((await get("/docs/yaml")) as string, /\/decide_it:/);

  await applyFiles(engine.db, engine.clock, { files: chatWorkspace({ ...agents, "services/talk.yaml": TALK }), author: "system", note: "" });
  for (const path of ["/openapi.json", "/docs/json"]) {
    const after = Object.keys((await get(path)).paths).filter((name) => name.includes("decide") || name.includes("talk"));
    assert.deepEqual(after, ["/v1/services/talk"]);
  }
  assert.equal((await call("/decide_it", { prompt: "x", options: ["a"] })).status, 404);
});

function refsOf(value: unknown): string[] {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, member]) => (key === "$ref" ? [String(member)] : refsOf(member)));
}

const found = (schemas: Wire, ref: string): boolean =>
  ref
    .replace("#/components/schemas/", "")
    .split("/")
    .reduce((here: Wire, part) => here?.[part], schemas) !== undefined;
