import assert from "node:assert/strict";
import { test } from "node:test";
import { httpFixture } from "./http-fixture.ts";

test("a name is claimed by one at a time, renewed by its holder, and free again after fifteen minutes", async (t) => {
  const { call, person, advance } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const ben = await person("ben", ["operator"]);
  const first = await call("POST /v1/loop/claim", { as: ana, payload: { name: "deploy" } });
  assert.deepEqual(first.body, { name: "deploy", session: "ana", fence: 1, held: true });
  assert.equal((await call("POST /v1/loop/claim", { as: ana, payload: { name: "deploy" } })).body.fence, 1);
  const refused = await call("POST /v1/loop/claim", { as: ben, payload: { name: "deploy" } });
  assert.equal(refused.status, 409);
  assert.match(refused.body.detail, /deploy is claimed by ana/);
  assert.equal((await call("POST /v1/loop/unclaim", { as: ben, payload: { name: "deploy" } })).status, 409);
  await advance(15 * 60_000 + 1);
  assert.equal((await call("POST /v1/loop/claim", { as: ben, payload: { name: "deploy" } })).body.fence, 2);
  assert.equal((await call("POST /v1/loop/unclaim", { as: ben, payload: { name: "deploy" } })).status, 200);
  assert.equal((await call("POST /v1/loop/unclaim", { as: ana, payload: { name: "deploy" } })).status, 200);
});

test("names that lead elsewhere are refused, and say what is expected", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  for (const name of ["", "../x", ".x", "a/b", "a\\b", "a..b", "x".repeat(65)]) {
    const { status, body } = await call("POST /v1/loop/claim", { as: ana, payload: { name } });
    assert.equal(status, 422, name);
    assert.match(body.errors[0].expected, /expected/);
  }
});

test("a server that stops keeps nobody waiting: whoever waits is told how it stands, and asks the next server", async (t) => {
  const { app, call, person } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const asked = await call("POST /v1/loop/ask", { as: ana, payload: { worker: "w", prompt: "Which way?" } });
  const waits = [call(`GET /v1/loop/ask/wait?ask=${asked.body.alias}`, { as: ana }), call("GET /v1/loop/wait?onlyAsks=true", { as: ana })];
  await new Promise((resolve) => setImmediate(resolve));
  await app.close();
  const [answer] = await Promise.all(waits);
  assert.deepEqual([answer!.status, answer!.body.state], [200, "open"]);
});
