import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { httpFixture } from "./http-fixture.ts";

const JSON_TYPE = { "content-type": "application/json" };

test("every field that cannot be taken is named with what is expected", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const { status, headers, body } = await call("POST /v1/tickets", {
    as: ana,
    payload: { text: " ", labels: { Shop: "x", shop: 7 }, language: "??", colour: "red", wait: true },
  });
  assert.deepEqual([status, headers["content-type"]], [422, "application/problem+json; charset=utf-8"]);
  const { detail, ...rest } = body;
  assert.deepEqual(rest, {
    type: "urn:loopwright:error:input_invalid",
    title: "Input invalid",
    status: 422,
    code: "input_invalid",
    facts: { problems: 6 },
    errors: [
      { field: "body.text", expected: "expected some text" },
      { field: "body.language", expected: "expected a language tag such as en, zh-TW or pt-BR" },
      { field: "body.labels.Shop", expected: "expected lower-case letters, digits and _, starting with a letter, 32 at most" },
      { field: "body.labels.shop", expected: "expected string, received number" },
      { field: "body.colour", expected: "no such field; leave it out" },
      { field: "body.wait", expected: "no such field; leave it out" },
    ],
  });
  for (const { field } of body.errors) assert.ok(detail.includes(field));
});

test("queries are held to the same rules", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const errors = async (query: string) => (await call(`GET ${query}`, { as: ana })).body.errors;
  assert.deepEqual(await errors("/v1/tickets?limit=0"), [{ field: "query.limit", expected: "expected a whole number from 1 to 200" }]);
  assert.deepEqual(await errors("/v1/tickets?limit=1&limit=2"), [{ field: "query.limit", expected: "expected string, received array" }]);
  assert.deepEqual(await errors("/v1/tickets?sort=body"), [{ field: "query.sort", expected: "no such field; leave it out" }]);
  assert.deepEqual(await errors("/v1/tickets?cursor=bm8"), [{ field: "query.cursor", expected: "expected the nextCursor of an earlier answer" }]);
  assert.equal((await errors("/v1/tickets?status=lost"))[0].field, "query.status");
  assert.equal((await errors("/v1/tickets?label=shop"))[0].field, "query.label");
  assert.deepEqual(await errors("/v1/costs?by=label:"), [
    { field: "query.by", expected: "expected all, ticket, run, agent, tier, model, day or label:<key>, such as label:property" },
  ]);
  assert.deepEqual(await errors("/v1/costs?from=yesterday"), [
    { field: "query.from", expected: "expected a moment with its zone, such as 2026-10-25T00:00:00Z" },
  ]);
  assert.deepEqual(await errors("/v1/brain?q=a%00b"), [{ field: "query.q", expected: "expected text without NUL and without half of a surrogate pair" }]);
  assert.equal((await errors("/v1/brain"))[0].field, "query.q");
});

test("what is not exactly one JSON object in UTF-8 is refused", async (t) => {
  const { call, person, errors } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const send = async (payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
    ((reply) => [reply.status, reply.body.code])(await call("POST /v1/tickets", { as: ana, payload, headers }));
  const malformed = [400, "json_malformed"];
  const unsupported = [415, "media_type_unsupported"];
  const invalid = [422, "input_invalid"];

  for (const text of [
    '{"text":"a"',
    "{'text':'a'}",
    '{"text":"a"}{}',
    "text=a",
    '\uFEFF{"text":"a"}',
    '{"text":"a","text":"b"}',
    '{"text":"a","t\\u0065xt":"b"}',
    '{"text":"a","labels":{"__proto__":{"shop":"lisbon"}}}',
    '{"text":"a","labels":{"x":"1","x":"2"}}',
  ]) {
    assert.deepEqual(await send(text), malformed, text);
  }
  assert.deepEqual(await send("[".repeat(100_000)), malformed);
  assert.deepEqual(await send(`{"text":${"[".repeat(65)}${"]".repeat(65)}}`), malformed);
  assert.deepEqual(await send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])), malformed);
  assert.deepEqual(await send(Buffer.from('{"text":"a"}', "utf16le")), malformed);
  for (const text of ["[]", '"text"', "7", "null", '{"text":"a\\u0000"}', '{"text":"\\ud800"}', '{"text":"a","labels":{"x":"\\udc00"}}', ""])
    assert.deepEqual(await send(text), invalid, text);
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "application/json; charset=utf-16",
    "application/jsonp",
  ]) {
    assert.deepEqual(await send('{"text":"a"}', { "content-type": type }), unsupported, type);
  }
  assert.deepEqual(await send(gzipSync(Buffer.alloc(10_000_000)), { ...JSON_TYPE, "content-encoding": "gzip" }), unsupported);
  assert.deepEqual(await send('{"text":"a","labels":{}}', { "content-type": "Application/JSON; charset=UTF-8" }), [202, undefined]);
  assert.deepEqual(errors, []);
});

test("of many faults the answer names a few, and what is endless is refused as a whole", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const send = (payload: string) => call("POST /v1/tickets", { as: ana, payload, headers: JSON_TYPE });
  const many = (count: number, one: (index: number) => string) => Array.from({ length: count }, (_, index) => one(index)).join(",");
  const bodies = {
    "unknown members": `{${many(5_000, (index) => `"k${index}":1`)}}`,
    "wrong members": `{"text":"a","labels":{${many(5_000, (index) => `"K${index}":1`)}}}`,
    "texts that cannot be kept, under a long name": `{"${"n".repeat(2_000_000)}":[${many(5_000, () => '"\\u0000"')}]}`,
    "labels without end": `{"text":"a","labels":{${many(65, (index) => `"k${index}":"x"`)}}}`,
  };
  for (const [name, payload] of Object.entries(bodies)) {
    const { status, body } = await send(payload);
    assert.deepEqual([status, body.errors.length <= 40, JSON.stringify(body).length < 20_000], [422, true, true], name);
  }
  for (const payload of [`{${many(10_001, (index) => `"k${index}":1`)}}`, `{"text":[${many(10_001, () => "1")}]}`])
    assert.deepEqual([(await send(payload)).status, (await send(payload)).body.code], [400, "json_malformed"]);
});

test("a body over the limit is 413 and says the limit, whether or not its length is said", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const payload = JSON.stringify({ text: "x".repeat(11 * 1024 * 1024) });
  const { status, body } = await call("POST /v1/tickets", { as: ana, payload, headers: JSON_TYPE });
  assert.deepEqual([status, body.code, body.facts], [413, "body_too_large", { limitBytes: 10 * 1024 * 1024 }]);
  const large = await call("POST /v1/tickets", { as: ana, payload: { text: "x".repeat(200_000) } });
  assert.deepEqual([large.status, large.body.errors[0].field], [422, "body.text"]);
});

test("a bug is logged whole and shown as nothing", async (t) => {
  const { call, person, errors } = await httpFixture(t, { recall: () => Promise.reject(new TypeError("secret detail /home/x")) });
  const { status, body } = await call("GET /v1/brain?q=x", { as: await person("ana", ["owner"]) });
  assert.deepEqual(
    [status, body],
    [
      500,
      {
        type: "urn:loopwright:error:internal_error",
        title: "Internal error",
        status: 500,
        code: "internal_error",
        detail: "Something broke. It was logged with the id that stands in the header request-id.",
        facts: {},
      },
    ],
  );
  assert.deepEqual(errors, ["a request met a bug: TypeError: secret detail /home/x"]);
});

test("a lost database is 503 and says to come back", async (t) => {
  const lost = Object.assign(new Error("Connection terminated unexpectedly"), { code: "57P01" });
  const { call, person } = await httpFixture(t, { recall: () => Promise.reject(lost) });
  const { status, body, headers } = await call("GET /v1/brain?q=x", { as: await person("ana", ["owner"]) });
  assert.deepEqual([status, body.code, headers["retry-after"]], [503, "database_unavailable", "1"]);
});

test("a token that asks too often on one route waits, and others do not", async (t) => {
  const { call, person } = await httpFixture(t, { limits: { readsPerMinute: 2 } });
  const [ana, rui] = [await person("ana", ["owner"]), await person("rui", ["owner"])];
  const statuses = async (url: string, as: typeof ana) => [
    (await call(url, { as })).status,
    (await call(url, { as })).status,
    (await call(url, { as })).status,
  ];
  assert.deepEqual(await statuses("GET /v1/asks", ana), [200, 200, 429]);
  assert.deepEqual(await statuses("GET /v1/asks", rui), [200, 200, 429]);
  assert.deepEqual(await statuses("GET /v1/runs", ana), [200, 200, 429]);
  const { body, headers } = await call("GET /v1/asks", { as: ana });
  assert.deepEqual([body.code, body.facts, Number(headers["retry-after"]) > 0], ["rate_exceeded", { perMinute: 2 }, true]);
});
