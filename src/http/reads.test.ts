import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { httpFixture } from "./http-fixture.ts";

test("health answers anybody with little, readiness whoever has a token with more", async (t) => {
  const { call, person } = await httpFixture(t);
  const vera = await person("vera", ["viewer"], { scopes: ["tickets:write"] });
  assert.deepEqual(await call("GET /v1/health").then(({ status, body }) => [status, body]), [200, { ok: true, version: "1.2.3", degraded: "one thing" }]);
  assert.deepEqual((await call("GET /v1/ready", { as: vera })).body, { ok: true, version: "1.2.3", degraded: "one thing", parts: { disk: "fine" } });
  const down = await httpFixture(t, { health: () => Promise.resolve({ ok: false }) });
  assert.deepEqual(await down.call("GET /v1/health").then(({ status, body }) => [status, body]), [503, { ok: false, version: "1.2.3" }]);
});

test("costs are grouped as asked, with unknown kept apart from zero", async (t) => {
  const { call, person, db } = await httpFixture(t);
  const vera = await person("vera", ["viewer"]);
  await sql`
    insert into ledger (act_id, attempt, agent, labels, tier, model, cost_nanos, list_nanos, input_tokens, output_tokens, source, state, at) values
      ('a1', 1, 'desk', '{"shop": "lisbon"}', 'fast', 'x:small', 1500, 2000, 10, 2, 'measured', 'settled', '2026-01-01T12:00:00Z'),
      ('a2', 1, 'desk', '{"shop": "porto"}', 'strong', 'x:large', null, null, 20, 4, 'measured', 'settled', '2026-01-02T12:00:00Z')`.execute(db);
  const groups = async (query: string) =>
    (await call(`GET /v1/costs${query}`, { as: vera })).body.groups.map(({ key, costNanos, unknownCalls }: Record<string, unknown>) => [
      key,
      costNanos,
      unknownCalls,
    ]);
  assert.deepEqual(await groups(""), [[null, 1500, 1]]);
  assert.deepEqual(await groups("?by=label:shop"), [
    ["lisbon", 1500, 0],
    ["porto", 0, 1],
  ]);
  assert.deepEqual(await groups("?by=day"), [
    ["2026-01-01", 1500, 0],
    ["2026-01-02", 0, 1],
  ]);
  assert.deepEqual(await groups("?by=model&label=shop:porto"), [["x:large", 0, 1]]);
  assert.deepEqual(await groups("?by=tier&from=2026-01-02T00:00:00Z&to=2026-01-02T23:59:59%2B00:00"), [["strong", 0, 1]]);
  assert.deepEqual(await groups("?agent=nobody"), []);
  assert.deepEqual((await call("GET /v1/costs/forecast?category=oven&label=shop:lisbon", { as: vera })).body, { kind: "unknown" });
});

test("budgets say what is left, in the period that is now", async (t) => {
  const { call, person } = await httpFixture(t);
  const { budgets } = (await call("GET /v1/budgets", { as: await person("vera", ["viewer"]) })).body;
  assert.deepEqual(budgets, [
    {
      budget: "lisbon",
      subject: "shop=lisbon",
      period: "month",
      onReach: "block",
      capNanos: 500_000_000_000,
      raisedNanos: 0,
      raisedTokens: 0,
      spentNanos: 0,
      reservedNanos: 0,
      leftNanos: 500_000_000_000,
      capTokens: null,
      spentTokens: 0,
      reservedTokens: 0,
      leftTokens: null,
      unknownCalls: 0,
      startsAt: "2026-01-01T00:00:00.000Z",
      resetsAt: "2026-02-01T00:00:00.000Z",
    },
  ]);
});

test("the brain is asked by text, label and layer, and the skills in force are shown", async (t) => {
  const { call, person } = await httpFixture(t);
  const vera = await person("vera", ["viewer"]);
  const hits = async (query: string) =>
    (await call(`GET /v1/brain?q=${query}`, { as: vera })).body.hits.map(({ layer, source }: Record<string, string>) => [layer, source]);
  assert.ok((await hits("oven%20fails")).some(([, source]: string[]) => source === "brain/sops/oven.md"));
  assert.deepEqual(await hits("g%C3%A1s&layer=voice&label=shop:lisbon"), [["voice", "brain/voice/gas.md"]]);
  const { skills } = (await call("GET /v1/skills", { as: vera })).body;
  assert.deepEqual(
    skills.map(({ name, category, triggers }: Record<string, unknown>) => ({ name, category, triggers })),
    [{ name: "fix-oven", category: "oven", triggers: { phrases: [], labels: { shop: "lisbon" } } }],
  );
});

test("what would happen to an act is explained rule by rule", async (t) => {
  const { call, person } = await httpFixture(t);
  const { body } = await call("POST /v1/policy/explain", {
    as: await person("vera", ["viewer"]),
    payload: { kind: "message", name: "dispatch", effect: "findable", costUsd: 150 },
  });
  assert.deepEqual(body.decision, {
    outcome: "ask",
    rule: "dear",
    why: "over a hundred",
    matched: ["dear"],
    approvers: { roles: [], names: ["rui"] },
    quorum: 1,
    expiry: [],
  });
  assert.deepEqual(
    body.rules.map(({ rule, matched }: Record<string, unknown>) => [rule, matched]),
    [
      ["dear", true],
      ["models", false],
    ],
  );
});

test("people and tokens are shown without a secret, made with fewer rights only, and revoked at once", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const vera = await person("vera", ["viewer"]);
  assert.deepEqual(
    (await call("GET /v1/people", { as: vera })).body.people.map(({ handle, roles }: Record<string, unknown>) => [handle, roles]),
    [
      ["ana", ["owner"]],
      ["vera", ["viewer"]],
    ],
  );
  assert.deepEqual((await call("GET /v1/me", { as: vera })).body.permissions, ["read"]);
  assert.deepEqual(
    (await call("GET /v1/tokens", { as: vera })).body.tokens.map(({ handle }: Record<string, unknown>) => handle),
    ["vera"],
  );

  const make = (headers: Record<string, string>) =>
    call("POST /v1/tokens", { as: ana, headers, payload: { principal: "vera", label: "phone", scopes: ["read"], expiresIn: "30d" } });
  const made = await make({ "idempotency-key": "t-1" });
  assert.equal(made.status, 201);
  const { value, token } = made.body;
  assert.equal(Date.parse(token.expiresAt) - Date.parse(token.createdAt), 30 * 86_400_000);
  assert.deepEqual((await make({ "idempotency-key": "t-1" })).body, { value: null, token });
  const all = await call("GET /v1/tokens", { as: ana });
  assert.equal(all.body.tokens.length, 3);
  assert.ok(!JSON.stringify(all.body).includes(value));

  const phone = { principal: vera.principal, token: value, tokenId: token.id };
  assert.equal((await call("GET /v1/asks", { as: phone })).status, 200);
  assert.equal((await call(`DELETE /v1/tokens/${token.id}`, { as: vera })).body.code, "permission_missing");
  assert.notEqual((await call(`DELETE /v1/tokens/${token.id}`, { as: ana })).body.revokedAt, null);
  assert.equal((await call("GET /v1/asks", { as: phone })).status, 401);

  const narrow = await person("eva", ["owner"], { scopes: ["read", "tokens:manage"] });
  const beyond = await call("POST /v1/tokens", { as: narrow, payload: { label: "x", scopes: ["*"] } });
  assert.deepEqual([beyond.status, beyond.body.code], [403, "permission_missing"]);
});
