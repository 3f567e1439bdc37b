import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { createModelPort } from "#src/adapters/model-aisdk/model-port.ts";
import { createOpenAIWire } from "#src/adapters/model-aisdk/openai-wire.ts";
import {
  type Answering,
  type Choices,
  CHAT,
  completion,
  frame,
  gatewayFixture as fixtureWith,
  type GatewayPorts,
  KEY,
  sendJson,
  spoken,
  usageFrame,
} from "#src/http/gateway-fixture.ts";

const PORTS: GatewayPorts = {
  wire: (keys) => createOpenAIWire({ ...keys, limits: { connectMs: 5_000, headersMs: 5_000, idleMs: 5_000 } }),
  model: createModelPort,
};
const gatewayFixture = (t: TestContext, answer: Answering, more: Omit<Choices, "ports"> = {}) => fixtureWith(t, answer, { ...more, ports: PORTS });

const BUDGET = (capUsd: number) => ({
  "budgets/all.yaml": `apiVersion: loopwright.dev/v1\nkind: Budget\nname: all\nscope: { workspace: true }\nperiod: month\ncapUsd: ${capUsd}\n`,
});

test("a call passes through as it is, and stands in the ledger and the journal with its labels", async (t) => {
  const answer = completion("hi", { strange: { kept: [1, "two"] } });
  const { post, asked, ledger, events } = await gatewayFixture(t, (response) => sendJson(response, answer));
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } }, own: true }];
  const reply = await post("/v1/chat/completions", { ...CHAT, tools, seed: 7, vendor_thing: { a: null } }, { headers: { "loop-label-cost-center": "blue" } });
  assert.equal(reply.status, 200);
  assert.deepEqual(await reply.json(), answer);
  assert.deepEqual(asked[0]!.body, { ...CHAT, model: "small", tools, seed: 7, vendor_thing: { a: null }, max_tokens: 4_096 });
  assert.equal(asked[0]!.headers.authorization, `Bearer ${KEY}`);
  const [row] = await ledger();
  assert.ok(row!.reserved > 4_096 * 2_000);
  assert.deepEqual(
    { ...row, reserved: 0 },
    {
      agent: "gateway",
      labels: { caller: "tool", cost_center: "blue", purpose: "gateway" },
      tier: "fast",
      model: "mine:small-2026",
      cost: 2_000_000,
      reserved: 0,
      input: 1_000,
      output: 500,
      source: "measured",
    },
  );
  const [called] = await events("model.called");
  assert.deepEqual([called.asked, called.model, called.ending, called.costNanos], ["fast", "mine:small-2026", "done", 2_000_000]);
});

test("a stream passes frame by frame; the usage that only we asked for stays here, and settles the call", async (t) => {
  const { post, asked, ledger } = await gatewayFixture(t, (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const text = `${spoken("grüß ")}${spoken("dich")}${usageFrame(10, 4)}${frame("[DONE]")}`;
    const bytes = Buffer.from(text);
    const middle = bytes.indexOf("ü") + 1; // in the middle of a letter
    response.write(bytes.subarray(0, middle));
    setImmediate(() => response.end(bytes.subarray(middle)));
  });
  const quiet = await (await post("/v1/chat/completions", { ...CHAT, stream: true })).text();
  assert.equal(quiet, `${spoken("grüß ")}${spoken("dich")}${frame("[DONE]")}`);
  assert.deepEqual(asked[0]!.body.stream_options, { include_usage: true });
  const asking = await (await post("/v1/chat/completions", { ...CHAT, stream: true, stream_options: { include_usage: true } })).text();
  assert.equal(asking, `${spoken("grüß ")}${spoken("dich")}${usageFrame(10, 4)}${frame("[DONE]")}`);
  assert.deepEqual(
    (await ledger()).map(({ input, output, cost, source }) => ({ input, output, cost, source })),
    Array.from({ length: 2 }, () => ({ input: 10, output: 4, cost: 18_000, source: "measured" })),
  );
});

test("a client that hangs up is settled by what was counted, and the provider is let go", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { post, ledger } = await gatewayFixture(t, (response) => {
    response.on("close", () => closed.resolve());
    response.writeHead(200, { "content-type": "text/event-stream" }).write(spoken("x".repeat(100)));
  });
  const leaving = new AbortController();
  const reply = await post("/v1/chat/completions", { ...CHAT, stream: true }, { signal: leaving.signal });
  await reply.body!.getReader().read();
  leaving.abort();
  await closed.promise;
  const [row] = await ledger();
  assert.deepEqual([row!.source, row!.output, row!.cost! > 100_000 && row!.cost! < row!.reserved], ["estimated", 50, true]);
});

test("a stream ends when its token is revoked, and the provider is let go", async (t) => {
  const closed = Promise.withResolvers<void>();
  const { post, token, db, ledger } = await gatewayFixture(t, (response) => {
    response.on("close", () => closed.resolve());
    response.writeHead(200, { "content-type": "text/event-stream" }).write(spoken("x".repeat(100)));
  });
  const reply = await post("/v1/chat/completions", { ...CHAT, stream: true }, { token: await token("leaving") });
  const reader = reply.body!.getReader();
  await reader.read();
  await sql`update tokens set revoked_at = loop_now() where principal_id = (select id from principals where handle = 'leaving')`.execute(db);
  await assert.rejects(reader.read());
  await closed.promise;
  assert.equal((await ledger())[0]!.source, "estimated");
});

test("usage that is missing or cannot be is estimated from what was counted, never zero", async (t) => {
  const usages = [undefined, { prompt_tokens: -5, completion_tokens: 2 }, { prompt_tokens: 1.5, completion_tokens: 2 }, "none"];
  const { post, ledger } = await gatewayFixture(t, (response, { body }) => sendJson(response, completion("y".repeat(40), { usage: usages[body.seed] })));
  for (const seed of usages.keys()) assert.equal((await post("/v1/chat/completions", { ...CHAT, seed })).status, 200);
  for (const row of await ledger()) assert.deepEqual([row.source, row.output, row.cost! > 40_000], ["estimated", 20, true]);
});

test("what a provider says of a failure stays here, but for what is wrong with the call; neither is its key shown", async (t) => {
  const failures: [number, unknown, number, string][] = [
    [401, { error: { message: `Incorrect API key provided: ${KEY}` } }, 502, "provider_failed"],
    [429, { error: { message: "org-secret-name is over its limit", code: "rate_limit_exceeded" } }, 429, "provider_limited"],
    [500, { error: { message: "stack of org-secret-name" } }, 502, "provider_failed"],
    [400, { error: { message: "messages[0].content is too strange", type: "invalid_request_error" } }, 400, "call_refused"],
    [200, { error: { message: "org-secret-name failed" } }, 502, "provider_failed"],
  ];
  const { post, ledger, events } = await gatewayFixture(t, (response, { body }) =>
    sendJson(response, failures[body.seed]![1], { status: failures[body.seed]![0], headers: { "retry-after": "7" } }),
  );
  for (const [seed, [, , status, code]] of failures.entries()) {
    const reply = await post("/v1/chat/completions", { ...CHAT, seed });
    const text = await reply.text();
    const body = JSON.parse(text) as { code: string; error: { code: string; message: string } };
    assert.deepEqual([reply.status, body.code, body.error.code], [status, code, code]);
    assert.ok(!text.includes("org-secret-name") && !text.includes(KEY), text);
    if (code === "call_refused") assert.match(body.error.message, /too strange/);
    if (status === 429) assert.equal(reply.headers.get("retry-after"), "7");
  }
  assert.deepEqual(
    (await ledger()).map(({ cost, reserved, source }) => [cost === reserved, cost, source].toSpliced(1, cost === 0 ? 0 : 1)),
    [
      [false, 0, "measured"],
      [false, 0, "measured"],
      [true, "estimated"],
      [false, 0, "measured"],
      [true, "estimated"],
    ],
  );
  const said = await events("model.called");
  assert.deepEqual(
    said.map(({ ending, reason }) => `${ending} ${reason ?? "as no answer"}`),
    ["refused not_authorised", "refused rate_limited", "broken server_error", "refused bad_request", "broken as no answer"],
  );
});

test("a web page, a stream that breaks off and one that says an error are told as failures and settled", async (t) => {
  const { post, ledger } = await gatewayFixture(t, (response, { body }) => {
    if (body.seed === 0) return void response.writeHead(200, { "content-type": "text/html" }).end("<html>Sign in</html>");
    response.writeHead(200, { "content-type": "text/event-stream" }).write(spoken("half"));
    if (body.seed === 1) setImmediate(() => response.destroy());
    else response.end(frame({ error: { message: "org-secret-name" } }));
  });
  assert.equal((await post("/v1/chat/completions", { ...CHAT, seed: 0 })).status, 502);
  for (const seed of [1, 2]) {
    const text = await (await post("/v1/chat/completions", { ...CHAT, seed, stream: true })).text();
    assert.match(text, /half[\s\S]*"code":"provider_failed"/);
    assert.ok(!text.includes("org-secret-name"));
  }
  assert.deepEqual(
    (await ledger()).map(({ source, cost }) => [source, cost! > 0]),
    Array.from({ length: 3 }, () => ["estimated", true]),
  );
});

test("names: a tier, an alias, a group; what is not offered is unknown, and a token without the scope may not", async (t) => {
  const { post, asked, url, token } = await gatewayFixture(t, (response) => sendJson(response, completion("hi")));
  for (const model of ["strong", "cheap", "mine:any-thing"]) assert.equal((await post("/v1/chat/completions", { ...CHAT, model })).status, 200);
  assert.deepEqual(
    asked.map(({ body }) => body.model),
    ["large", "tiny", "any-thing"],
  );
  const unknown = await post("/v1/chat/completions", { ...CHAT, model: "chep" });
  assert.deepEqual([unknown.status, ((await unknown.json()) as { detail: string }).detail], [404, 'There is no model "chep" here. Did you mean cheap?']);
  assert.equal((await post("/v1/chat/completions", { ...CHAT, model: "special" })).status, 403);
  assert.equal((await post("/v1/chat/completions", CHAT, { token: await token("looker", ["viewer"], ["*"]) })).status, 403);
  const nobody = await post("/v1/chat/completions", CHAT, { token: "loop_no" });
  assert.deepEqual([nobody.status, ((await nobody.json()) as { error: { type: string } }).error.type], [401, "authentication_error"]);
  const list = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${await token("owner", ["owner"], ["*"])}` } });
  assert.deepEqual(
    ((await list.json()) as { data: { id: string }[] }).data.map(({ id }) => id),
    ["fast", "strong", "cheap", "special"],
  );
});

test("policy decides over the gateway as over an agent, and a deny is on record", async (t) => {
  const policy = `apiVersion: loopwright.dev/v1
kind: Policy
name: all
rules:
  - { name: gate, when: { kind: model, agent: gateway }, then: allow, why: it is open }
  - { name: red, when: { kind: model, label: { team: red } }, then: deny, why: red has no money }
`;
  const { post, asked, events, ledger, url, token } = await gatewayFixture(t, (response) => sendJson(response, completion("hi")), {
    files: { "policies/all.yaml": policy },
  });
  assert.equal((await post("/v1/chat/completions", CHAT, { headers: { "loop-label-team": "blue" } })).status, 200);
  const denied = await post("/v1/chat/completions", CHAT, { headers: { "loop-label-team": "red" } });
  assert.deepEqual([denied.status, ((await denied.json()) as { code: string }).code, asked.length, (await ledger()).length], [403, "model_denied", 1, 1]);
  assert.equal((await events("model.refused"))[0].rule, "red");
  assert.equal((await post("/v1/chat/completions", CHAT, { headers: { "loop-label-caller": "somebody" } })).status, 400);
  const twoWays = await post("/v1/chat/completions", CHAT, { headers: { "loop-label-cost-team": "blue", "loop-label-cost_team": "red" } });
  const repeated = await fetchTwice(url, await token("twice"));
  assert.deepEqual([twoWays.status, repeated], [400, 400], "which of two labels counts is nobody's to choose");
});

/** The same header on two lines, which no client of ours sends. */
async function fetchTwice(url: string, value: string): Promise<number | undefined> {
  const body = JSON.stringify(CHAT);
  const headers = ["authorization", `Bearer ${value}`, "content-type", "application/json", "loop-label-team", "blue", "loop-label-team", "red"];
  const { hostname, port, host } = new URL(url);
  const sent = request({ hostname, port, method: "POST", path: "/v1/chat/completions", headers: ["host", host, ...headers] });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

test("a hundred calls at once never spend more than the cap and one call; the output is clamped to what is left", async (t) => {
  const { post, asked, ledger, db } = await gatewayFixture(
    t,
    (response, { body }) => sendJson(response, completion("hi", { usage: { prompt_tokens: 30, completion_tokens: body.max_tokens } })),
    { files: BUDGET(0.1) },
  );
  const replies = await Promise.all(Array.from({ length: 100 }, () => post("/v1/chat/completions", { ...CHAT, max_tokens: 2_000 })));
  const codes = Map.groupBy(replies, ({ status }) => status);
  assert.deepEqual(
    [...codes.keys()].filter((status) => ![200, 402, 429].includes(status)),
    [],
  );
  const rows = await ledger();
  const spent = rows.reduce((sum, { cost }) => sum + cost!, 0);
  const { rows: periods } = await sql<{ granted: number }>`select granted_nanos as granted from budget_periods`.execute(db);
  assert.ok(spent <= 100_000_000 && spent > 90_000_000, String(spent));
  assert.ok(periods.every(({ granted }) => granted <= 100_000_000));
  assert.ok(asked.some(({ body }) => body.max_tokens < 2_000));
  const after = await post("/v1/chat/completions", { ...CHAT, max_tokens: 2_000 });
  const body = (await after.json()) as { code: string; error: { type: string } };
  assert.deepEqual([after.status, body.code, body.error.type, after.headers.get("x-should-retry")], [402, "budget_reached", "insufficient_quota", "false"]);
});

test("of calls one after the other each finds free what the one before did not use, however late that is put on record", async (t) => {
  const answer: Answering = (response) => sendJson(response, completion("hi", { usage: { prompt_tokens: 30, completion_tokens: 5 } }));
  const { post, asked, ledger } = await gatewayFixture(t, answer, { files: BUDGET(0.01) });
  for (let made = 0; made < 4; made += 1) assert.equal((await post("/v1/chat/completions", { ...CHAT, max_tokens: 4_000 })).status, 200); // $0.008 each at most
  assert.deepEqual(
    asked.map(({ body }) => body.max_tokens),
    [4_000, 4_000, 4_000, 4_000],
  );
  assert.deepEqual(new Set((await ledger()).map(({ cost }) => cost)), new Set([40_000]));
});

test("a model without a price is refused under a cap in money, and unknown, never free, without one", async (t) => {
  const options = { prices: "{}", gateway: 'gateway: { models: ["mine:x"] }' };
  const call = { ...CHAT, model: "mine:x" };
  const capped = await gatewayFixture(t, (response) => sendJson(response, completion("hi")), { ...options, files: BUDGET(5) });
  const refused = await capped.post("/v1/chat/completions", call);
  assert.deepEqual([refused.status, capped.asked.length], [402, 0]);
  const open = await gatewayFixture(t, (response) => sendJson(response, completion("hi")), options);
  assert.equal((await open.post("/v1/chat/completions", call)).status, 200);
  assert.equal((await open.ledger())[0]!.cost, null);
});

test("a budget per run caps each call by itself, and not all of them together", async (t) => {
  const perRun = { "budgets/run.yaml": "apiVersion: loopwright.dev/v1\nkind: Budget\nname: one\nscope: { workspace: true }\nperiod: run\ncapUsd: 0.003\n" };
  const { post, asked } = await gatewayFixture(t, (response) => sendJson(response, completion("hi")), { files: perRun });
  for (let made = 0; made < 5; made += 1) assert.equal((await post("/v1/chat/completions", { ...CHAT, max_tokens: 4_000 })).status, 200); // $0.002 each
  assert.ok(asked.every(({ body }) => body.max_tokens > 1_000 && body.max_tokens < 1_500));
  const long = { ...CHAT, messages: [{ role: "user", content: "z".repeat(10_000) }] };
  assert.equal((await post("/v1/chat/completions", long)).status, 402);
});

test("embeddings are paid for too", async (t) => {
  const answer = { object: "list", data: [{ index: 0, embedding: [0.1] }], model: "e", usage: { prompt_tokens: 12, total_tokens: 12 } };
  const { post, asked, ledger } = await gatewayFixture(t, (response) => sendJson(response, answer));
  const reply = await post("/v1/embeddings", { model: "mine:e", input: ["one", "two"], encoding_format: "base64" });
  assert.deepEqual([await reply.json(), asked[0]!.path], [answer, "/v1/embeddings"]);
  assert.deepEqual(asked[0]!.body, { model: "e", input: ["one", "two"], encoding_format: "base64" });
  assert.deepEqual(
    (await ledger()).map(({ input, output, cost }) => [input, output, cost]),
    [[12, 0, 12_000]],
  );
});

test("a provider of another wire is translated, whole and streamed, with tools; what it has no word for is refused before anything is reserved", async (t) => {
  const wire = { wire: "anthropic" } as const;
  const said = (content: unknown[], stop: string) => ({
    id: "m",
    type: "message",
    role: "assistant",
    model: "claude-x",
    content,
    stop_reason: stop,
    usage: { input_tokens: 9, output_tokens: 3 },
  });
  const { post, asked, ledger } = await gatewayFixture(
    t,
    (response, { body }) => {
      if (body.stream !== true)
        return sendJson(
          response,
          body.tools ? said([{ type: "tool_use", id: "t1", name: "f", input: { a: 1 } }], "tool_use") : said([{ type: "text", text: "hi" }], "end_turn"),
        );
      response.writeHead(200, { "content-type": "text/event-stream" });
      const events = [
        { type: "message_start", message: { ...said([], "end_turn"), stop_reason: null, usage: { input_tokens: 9, output_tokens: 1 } } },
        { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi " } },
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "there" } },
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
        { type: "message_stop" },
      ];
      response.end(events.map((event) => `event: ${event.type}\n${frame(event)}`).join(""));
    },
    wire,
  );
  const plain = (await (await post("/v1/chat/completions", CHAT)).json()) as ReturnType<typeof JSON.parse>;
  assert.deepEqual(
    [plain.choices[0].message.content, plain.choices[0].finish_reason, plain.usage.total_tokens, asked[0]!.path],
    ["hi", "stop", 12, "/v1/messages"],
  );
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: { a: { type: "number" } } } } }];
  const called = (await (await post("/v1/chat/completions", { ...CHAT, tools })).json()) as ReturnType<typeof JSON.parse>;
  assert.deepEqual(called.choices[0].message.tool_calls, [{ id: "t1", type: "function", function: { name: "f", arguments: '{"a":1}' } }]);
  const text = await (await post("/v1/chat/completions", { ...CHAT, stream: true, stream_options: { include_usage: true } })).text();
  const chunks = text.split("\n\n").flatMap((one) => (one.startsWith("data: {") ? [JSON.parse(one.slice(6)) as ReturnType<typeof JSON.parse>] : []));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "hi there");
  assert.deepEqual([chunks.at(-1).usage.completion_tokens, text.endsWith("data: [DONE]\n\n")], [3, true]);
  assert.equal((await post("/v1/chat/completions", { ...CHAT, logit_bias: { 1: 2 } })).status, 400);
  const rows = await ledger();
  assert.deepEqual([rows.length, rows.map(({ source, cost }) => [source, cost])], [3, Array.from({ length: 3 }, () => ["measured", 15_000])]);
});

test("where the workspace has no gateway there is none, and a body that is none is refused", async (t) => {
  const closed = await gatewayFixture(t, (response) => sendJson(response, {}), { gateway: "" });
  assert.equal((await closed.post("/v1/chat/completions", CHAT)).status, 404);
  const { post, ledger } = await gatewayFixture(t, (response) => sendJson(response, completion("hi")));
  for (const body of [[], "text", { ...CHAT, max_tokens: "many" }, { ...CHAT, n: 0 }]) assert.equal((await post("/v1/chat/completions", body)).status, 400);
  assert.deepEqual(await ledger(), []);
});
