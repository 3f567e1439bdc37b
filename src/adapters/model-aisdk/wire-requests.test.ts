import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import type { ModelCall } from "#src/acts/ports/model-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { type FakeRequest, fakeProvider, sendJson } from "./fake-provider.ts";
import { createModelPort } from "./model-port.ts";
import { defaultsFrom, type Wire } from "./providers.ts";

const signal = new AbortController().signal;
const closed = { type: "object", properties: { severity: { type: "integer" } }, required: ["severity"], additionalProperties: false } as const;
const open = { type: "object", properties: { note: { type: "string" } } } as const;
const call: ModelCall = {
  model: "mine:some-model",
  system: "You help.",
  messages: [{ role: "user", text: "hello" }],
  tools: [
    { name: "notes.read", description: "Reads", schema: closed },
    { name: "notes_read", description: "Reads too", schema: open },
  ],
  output: { name: "the answer", schema: closed },
  maxOutputTokens: 4_000,
};

async function sent(t: TestContext, wire: Wire, more: Partial<ModelCall> = {}) {
  const provider = await fakeProvider(t, (response) => sendJson(response, { error: { message: "no" } }, { status: 500 }));
  const providers = { mine: { wire, baseUrl: provider.url, apiKey: "secret:key", region: "eu-west-1" } };
  const port = createModelPort({ providers: () => providers, secrets: async () => "AKIDEXAMPLE:wJalrXUtnFEMI:session", clock: heldClock() });
  await port.generate({ ...call, ...more }, { signal });
  const [request] = provider.requests as [FakeRequest];
  return { ...request, json: JSON.parse(request.body) };
}

test("the limit of output tokens is always sent, on every wire", async (t) => {
  const limits: Record<Wire, (body: Record<string, never>) => unknown> = {
    openai: (body) => body["max_output_tokens"],
    "openai-compatible": (body) => body["max_tokens"],
    anthropic: (body) => body["max_tokens"],
    google: (body) => body["generationConfig"]?.["maxOutputTokens"],
    openrouter: (body) => body["max_tokens"],
    ollama: (body) => body["options"]?.["num_predict"],
    bedrock: (body) => body["inferenceConfig"]?.["maxTokens"],
  };
  const found: Record<string, unknown> = {};
  for (const [wire, limit] of Object.entries(limits)) found[wire] = limit((await sent(t, wire as Wire)).json);
  assert.deepEqual(found, { openai: 4_000, "openai-compatible": 4_000, anthropic: 4_000, google: 4_000, openrouter: 4_000, ollama: 4_000, bedrock: 4_000 });
});

test("thinking is cut out of the limit, never added to it, and left out after a tool result that it would break", async (t) => {
  const limitsOf = async (model: string, more: Partial<ModelCall> = {}) => {
    const { json } = await sent(t, "anthropic", { model: `mine:${model}`, reasoningEffort: "medium", ...more });
    return { max: json.max_tokens, thinking: json.thinking, effort: json.output_config?.effort };
  };
  const messages: ModelCall["messages"] = [
    ...call.messages,
    { role: "assistant", text: "", toolCalls: [{ callId: "call_1", name: "notes.read", args: {} }] },
    { role: "tool", callId: "call_1", name: "notes.read", result: "none" },
  ];
  assert.deepEqual(
    [
      await limitsOf("claude-haiku-4-5"),
      await limitsOf("claude-haiku-4-5", { messages }),
      await limitsOf("claude-haiku-4-5", { maxOutputTokens: 1_500 }),
      await limitsOf("claude-opus-4-7", { messages }),
    ],
    [
      { max: 4_000, thinking: { type: "enabled", budget_tokens: 2_000 }, effort: undefined },
      { max: 4_000, thinking: undefined, effort: undefined },
      { max: 1_500, thinking: undefined, effort: undefined },
      { max: 4_000, thinking: { type: "adaptive" }, effort: "medium" },
    ],
  );
});

test("OpenAI keeps nothing, and is strict only with schemas that fit its strict mode", async (t) => {
  const { json, headers, path } = await sent(t, "openai");
  assert.equal(headers.authorization, "Bearer AKIDEXAMPLE:wJalrXUtnFEMI:session");
  assert.equal(path, "/v1/responses");
  assert.equal(json.store, false);
  assert.deepEqual(json.text.format, { type: "json_schema", strict: true, name: "the_answer", schema: closed });
  assert.deepEqual(
    json.tools.map((tool: { name: string; strict: boolean }) => [tool.name, tool.strict]),
    [
      ["notes_read_14a9bb38", true],
      ["notes_read", false],
    ],
  );
  assert.equal((await sent(t, "openai", { output: { name: "x", schema: open } })).json.text.format.strict, false);
});

test("every other wire with a mode for JSON schemas is given the schema", async (t) => {
  const compatible = (await sent(t, "openai-compatible")).json.response_format;
  const openrouter = (await sent(t, "openrouter")).json;
  assert.deepEqual(compatible, { type: "json_schema", json_schema: { name: "the_answer", strict: true, schema: closed } });
  assert.deepEqual(openrouter.response_format, { type: "json_schema", json_schema: { name: "the_answer", strict: true, schema: closed } });
  assert.deepEqual(openrouter.usage, { include: true });
  assert.deepEqual((await sent(t, "ollama")).json.format, closed);
  assert.equal((await sent(t, "google", { tools: [] })).json.generationConfig.responseMimeType, "application/json");
  const claude = (await sent(t, "anthropic", { model: "mine:claude-haiku-4-5" })).json;
  assert.deepEqual(claude.output_config.format, { type: "json_schema", schema: closed });
});

test("a key of AWS in parts signs the request, and one without parts is a bearer token", async (t) => {
  const signed = await sent(t, "bedrock", { output: undefined } as never);
  assert.match(signed.headers.authorization ?? "", /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request/);
  assert.equal(signed.headers["x-amz-security-token"], "session");

  const provider = await fakeProvider(t, (response) => sendJson(response, {}, { status: 500 }));
  const providers = { mine: { wire: "bedrock", baseUrl: provider.url, apiKey: "secret:key", region: "eu-west-1" } } as const;
  await createModelPort({ providers: () => providers, secrets: async () => "ABSKQmVkcm9jaw==", clock: heldClock() }).generate(call, { signal });
  assert.equal(provider.requests[0]?.headers.authorization, "Bearer ABSKQmVkcm9jaw==");
});

test("a provider that is not listed is its wire, with the variables that the vendor's own tools read", async (t) => {
  const provider = await fakeProvider(t, (response) => sendJson(response, {}, { status: 500 }));
  const defaults = defaultsFrom({
    OPENAI_BASE_URL: `${provider.url}/v1/`,
    ANTHROPIC_BASE_URL: provider.url,
    GOOGLE_GENERATIVE_AI_BASE_URL: `${provider.url}/v1beta`,
    OPENROUTER_BASE_URL: provider.url,
    OLLAMA_BASE_URL: provider.url,
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: provider.url,
    AWS_REGION: "eu-west-1",
  });
  const asked: string[] = [];
  const secrets = async (reference: string) => {
    asked.push(reference);
    if (reference === "secret:env:AWS_BEARER_TOKEN_BEDROCK") return undefined;
    if (reference === "secret:env:OLLAMA_API_KEY") throw new LoopError("secret_unavailable", "OLLAMA_API_KEY is not set.");
    return `value of ${reference}`;
  };
  const port = createModelPort({ providers: () => ({}), secrets, clock: heldClock(), defaults });
  for (const wire of ["openai", "anthropic", "google", "openrouter", "ollama", "bedrock"])
    await port.generate({ ...call, model: `${wire}:m`, tools: [] }, { signal });
  assert.deepEqual(
    provider.requests.map((request) => request.path),
    ["/v1/responses", "/v1/messages", "/v1beta/models/m:streamGenerateContent?alt=sse", "/api/v1/chat/completions", "/api/chat", "/model/m/converse"],
  );
  assert.equal(provider.requests[1]?.headers["x-api-key"], "value of secret:env:ANTHROPIC_API_KEY");
  assert.deepEqual(asked, [
    "secret:env:OPENAI_API_KEY",
    "secret:env:ANTHROPIC_API_KEY",
    "secret:env:GOOGLE_GENERATIVE_AI_API_KEY",
    "secret:env:OPENROUTER_API_KEY",
    "secret:env:OLLAMA_API_KEY",
    "secret:env:AWS_BEARER_TOKEN_BEDROCK",
    "secret:env:AWS_ACCESS_KEY_ID",
    "secret:env:AWS_SECRET_ACCESS_KEY",
    "secret:env:AWS_SESSION_TOKEN",
  ]);
});

test("the vendor's key from the environment does not go to an address that a file names", async (t) => {
  const provider = await fakeProvider(t, (response) => sendJson(response, {}));
  const providers = { mine: { wire: "openai", baseUrl: provider.url } } as const;
  const result = await createModelPort({ providers: () => providers, secrets: async () => "a real key", clock: heldClock() }).generate(call, { signal });
  assert.deepEqual([result.kind === "failed" ? result.failure.reason : "answered", provider.requests.length], ["not_authorised", 0]);
});

test("what cannot be used is an answer that says what to do, and nothing is sent", async (t) => {
  const provider = await fakeProvider(t, (response) => sendJson(response, {}));
  const providers = {
    bare: { wire: "openai-compatible" },
    keyless: { wire: "openai", baseUrl: provider.url },
    lost: { wire: "anthropic", baseUrl: provider.url, apiKey: "secret:lost" },
    broken: { wire: "anthropic", baseUrl: provider.url, apiKey: "secret:broken" },
  } as const;
  const secrets = async (reference: string) => {
    if (reference === "secret:env:OPENROUTER_API_KEY")
      throw new LoopError("secret_unavailable", "The value has 3 characters.", { facts: { problem: "has 3 characters" } });
    if (reference === "secret:env:GEMINI_API_KEY") throw new LoopError("secret_unavailable", "The value is blank.", { facts: { problem: "is blank" } });
    if (reference === "secret:broken") throw new LoopError("secret_unavailable", "The command of secret broken ended with 1.");
    return undefined;
  };
  process.env["OPENAI_API_KEY"] = "from the environment of the test"; // must not be read
  t.after(() => delete process.env["OPENAI_API_KEY"]);
  const port = createModelPort({ providers: () => providers, secrets, clock: heldClock() });
  const said: Record<string, string> = {};
  for (const model of ["gpt", "constructor:x", "bare:x", "keyless:x", "lost:x", "broken:x", "openai:x", "openrouter:x", "google:x", "bedrock:x"]) {
    const result = await port.generate({ ...call, model }, { signal });
    said[model] = result.kind === "failed" ? `${result.failure.reason}: ${result.failure.message}` : "answered";
  }
  assert.deepEqual(said, {
    gpt: 'bad_request: "gpt" names no model. Expected provider:model, such as anthropic:claude-haiku-4-5.',
    "constructor:x":
      'bad_request: There is no provider "constructor". Add it to providers in loop.yaml, or use one of openai, openai-compatible, anthropic, google, openrouter, ollama, bedrock.',
    "bare:x": 'bad_request: Provider "bare" needs a baseUrl in loop.yaml: its wire openai-compatible has no usual address.',
    "keyless:x": 'not_authorised: Provider "keyless" has no key. Add apiKey: secret:name to it in loop.yaml.',
    "lost:x": 'not_authorised: Provider "lost" has no key: secret:lost has no value. Set it with `loop secrets set`.',
    "broken:x": "not_authorised: The command of secret broken ended with 1.",
    "openai:x": `not_authorised: Provider "openai" has no key. Start the server with OPENAI_API_KEY and LOOP_MODEL=on in its environment; or run \`loop secrets set openai\` and write providers: { openai: { wire: openai, apiKey: "secret:openai" } } into loop.yaml.`,
    "openrouter:x": "not_authorised: The value has 3 characters.",
    "google:x": `not_authorised: Provider "google" has no key. Start the server with GOOGLE_GENERATIVE_AI_API_KEY and LOOP_MODEL=on in its environment; or run \`loop secrets set google\` and write providers: { google: { wire: google, apiKey: "secret:google" } } into loop.yaml.`,
    "bedrock:x": 'bad_request: Provider "bedrock" needs a region in loop.yaml, or AWS_REGION.',
  });
  assert.equal(provider.requests.length, 0);
});

test("a fault of this side is thrown, not told as a fault of the provider", async (t) => {
  const provider = await fakeProvider(t, (response: ServerResponse) => void response.end());
  const providers = { mine: { wire: "openai-compatible", baseUrl: provider.url, apiKey: "secret:key" } } as const;
  const port = createModelPort({ providers: () => providers, secrets: () => Promise.reject(new TypeError("a bug")), clock: heldClock() });
  await assert.rejects(port.generate(call, { signal }), new TypeError("a bug"));
});
