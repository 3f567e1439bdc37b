import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import type { ModelCall } from "#src/acts/ports/model-port.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { type ModelPortSubject, modelPortSuite, type ProviderFault, type ProviderScript } from "#src/testing/model-port.suite.ts";
import { createModelPort } from "./model-port.ts";
import type { ProviderEntry, Wire } from "./providers.ts";

const KEY = "sk-test-0123456789abcdef";

/** Where each wire lives on the one port of the mock. */
const PATHS: Record<Wire, string> = {
  openai: "/v1",
  "openai-compatible": "/v1",
  anthropic: "",
  google: "",
  openrouter: "/api/v1",
  ollama: "",
  bedrock: "",
};

type MockResponse = Extract<Parameters<LLMock["on"]>[1], (...given: never[]) => unknown> extends (request: never) => infer R ? Awaited<R> : never;

const FAULTS: Record<Exclude<ProviderFault, "network" | "malformed">, MockResponse> = {
  rate_limited: { error: { message: "Slow down", type: "rate_limit_error", code: "rate_limit_exceeded" }, status: 429 },
  overloaded: { error: { message: "Overloaded", type: "overloaded_error" }, status: 529 },
  usage_limit: { error: { message: "You exceeded your current quota", type: "insufficient_quota", code: "insufficient_quota" }, status: 429 },
  not_authorised: { error: { message: `Incorrect API key provided: ${KEY}`, type: "authentication_error" }, status: 401 },
  bad_request: { error: { message: "temperature: must be at most 1", type: "invalid_request_error" }, status: 400 },
  context_too_long: { error: { message: "prompt is too long: 210000 tokens > 200000 maximum", type: "invalid_request_error" }, status: 400 },
  server_error: { error: { message: "Internal error", type: "api_error" }, status: 500 },
};

async function mockProvider(t: TestContext): Promise<LLMock> {
  const mock = new LLMock({ port: 0, logLevel: "silent", chunkSize: 8 });
  await mock.start();
  t.after(() => mock.stop());
  return mock;
}

function portTo(mock: LLMock, wire: Wire) {
  const entry: ProviderEntry = { wire, baseUrl: mock.url + PATHS[wire], apiKey: "secret:model", region: "eu-central-1" };
  const clock = heldClock();
  return {
    clock,
    port: createModelPort({ providers: () => ({ mock: entry }), secrets: async (reference) => (reference === "secret:model" ? KEY : undefined), clock }),
  };
}

function respond(script: ProviderScript, reached: () => void): () => MockResponse | Promise<MockResponse> {
  return () => {
    reached();
    switch (script.does) {
      case "say":
        return { content: script.text, usage: usageOf(script.inputTokens, script.outputTokens) };
      case "call":
        return { toolCalls: [{ name: script.toolName, arguments: JSON.stringify(script.args) }] };
      case "hang":
        return new Promise(() => {});
      case "fail":
        return { ...FAULTS[script.reason as keyof typeof FAULTS], ...(script.retryAfterSeconds === undefined ? {} : { retryAfter: script.retryAfterSeconds }) };
    }
  };
}

/** The mock passes each wire its own names. */
function usageOf(input: number, output: number) {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    input_tokens: input,
    output_tokens: output,
    promptTokenCount: input,
    candidatesTokenCount: output,
  };
}

async function subject(t: TestContext, wire: Wire, script: ProviderScript): Promise<ModelPortSubject> {
  const mock = await mockProvider(t);
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  mock.on({ endpoint: "chat", predicate: () => true }, respond(script, resolve));
  if (script.does === "fail" && script.reason === "malformed") mock.setChaos({ malformedRate: 1 });
  if (script.does === "fail" && script.reason === "network") mock.setChaos({ disconnectRate: 1 });
  const { port, clock } = portTo(mock, wire);
  return { port, model: "mock:gpt-or-claude", nowMs: clock.nowMs(), requests: () => mock.getRequests().length, reached };
}

for (const wire of ["openai", "anthropic"] as const) {
  modelPortSuite({ name: wire, toolOnWire: "notes_list_read", subject: (t, script) => subject(t, wire, script) });
}

const call: ModelCall = { model: "mock:some-model", system: "You help.", messages: [{ role: "user", text: "hello" }], tools: [], maxOutputTokens: 64 };
const signal = new AbortController().signal;

for (const wire of ["openai", "anthropic"] as const) {
  test(`a structured answer is told while it is being said, as the ${wire} wire has it, and comes back parsed`, async (t) => {
    const mock = await mockProvider(t);
    const { port } = portTo(mock, wire);
    const said = '{"severity":4,"why":"water near a socket in the kitchen"}';
    const schema = {
      type: "object",
      properties: { severity: { type: "integer" }, why: { type: "string" } },
      required: ["severity", "why"],
      additionalProperties: false,
    };
    // A model that has no structured outputs of its own is made to call a tool named json.
    mock.on({ endpoint: "chat", predicate: () => true }, wire === "anthropic" ? { toolCalls: [{ name: "json", arguments: said }] } : { content: said });
    const pieces: string[] = [];
    const result = await port.generate({ ...call, output: { name: "triage", schema } }, { signal, onText: (delta) => pieces.push(delta) });
    assert.ok(result.kind === "answered", JSON.stringify(result));
    assert.deepEqual([result.answer.object, pieces.join("")], [JSON.parse(said), said]);
    assert.ok(pieces.length > 1, `one piece: ${pieces[0]}`);
  });
}

for (const wire of ["google", "openai-compatible", "openrouter", "ollama", "bedrock"] as const) {
  for (const streamed of [false, true]) {
    test(`the ${wire} wire gives text, a tool call and a typed failure, ${streamed ? "streamed" : "whole"}`, async (t) => {
      const mock = await mockProvider(t);
      const { port } = portTo(mock, wire);
      const options = streamed ? { signal, onText: () => {} } : { signal };
      mock.on({ endpoint: "chat", userMessage: "hello" }, { content: "Good morning to you too", usage: usageOf(12, 5) });
      mock.on({ endpoint: "chat", userMessage: "look" }, { toolCalls: [{ name: "notes_read", arguments: '{"page":1}' }], finishReason: "stop" });
      mock.on({ endpoint: "chat", userMessage: "fail" }, { error: { message: "Slow down" }, status: 429, retryAfter: 3 });

      const text = await port.generate(call, options);
      const tools = [{ name: "notes.read", description: "Reads notes", schema: { type: "object", properties: { page: { type: "integer" } } } }];
      const made = await port.generate({ ...call, tools, messages: [{ role: "user", text: "look" }] }, options);
      const refused = await port.generate({ ...call, messages: [{ role: "user", text: "fail" }] }, options);
      assert.deepEqual([text, made, refused].map(brief), [
        { text: "Good morning to you too", finish: "stop", calls: [] },
        { text: "", finish: "tool_calls", calls: [{ name: "notes.read", args: { page: 1 } }] },
        { reason: "rate_limited" },
      ]);
      assert.equal(mock.getRequests().length, 3);
    });
  }
}

type Result = Awaited<ReturnType<ReturnType<typeof createModelPort>["generate"]>>;

function brief(result: Result) {
  if (result.kind === "failed") return { reason: result.failure.reason };
  const { text, finish, toolCalls } = result.answer;
  return { text, finish, calls: toolCalls.map(({ name, args }) => ({ name, args })) };
}
