import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import type { ModelCall, ModelResult, ModelUsage } from "#src/acts/ports/model-port.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { fakeProvider, sendJson } from "./fake-provider.ts";
import { createModelPort } from "./model-port.ts";
import type { Wire } from "./providers.ts";

const signal = new AbortController().signal;
const call: ModelCall = { model: "mine:some-model", system: "", messages: [{ role: "user", text: "hello" }], tools: [], maxOutputTokens: 64 };

type Answer = (response: ServerResponse) => void;

async function ask(t: TestContext, wire: Wire, how: Answer | { answer: Answer; call?: Partial<ModelCall>; streamed?: boolean }) {
  const more = typeof how === "function" ? { answer: how } : how;
  const provider = await fakeProvider(t, more.answer);
  const providers = { mine: { wire, baseUrl: provider.url, apiKey: "secret:key", region: "eu-west-1" } };
  const port = createModelPort({ providers: () => providers, secrets: async () => "a-key", clock: heldClock() });
  const result = await port.generate({ ...call, ...more.call }, more.streamed ? { signal, onText: () => {} } : { signal });
  return { result, requests: provider.requests.length };
}

function usageIn(result: ModelResult): ModelUsage {
  assert.equal(result.kind, "answered", JSON.stringify(result));
  return (result as Extract<ModelResult, { kind: "answered" }>).answer.usage;
}

const stream = (response: ServerResponse, events: readonly object[]) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) {
    const { type } = event as { type?: string };
    response.write(`${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`);
  }
  response.end();
};

const chat = (usage: unknown, message: object = { role: "assistant", content: "hi" }, finish: string | null = "stop") => ({
  id: "chat_1",
  object: "chat.completion",
  created: 1,
  model: "ran-this",
  choices: [{ index: 0, message, finish_reason: finish }],
  ...(usage === undefined ? {} : { usage }),
});

const responses = (usage: unknown) => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  model: "ran-this",
  status: "completed",
  incomplete_details: null,
  output: [{ type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: "hi", annotations: [] }] }],
  ...(usage === undefined ? {} : { usage }),
});

const messages = (usage: unknown) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "ran-this",
  content: [{ type: "text", text: "hi" }],
  stop_reason: "end_turn",
  usage,
});

const gemini = (usageMetadata: unknown) => ({
  candidates: [{ content: { role: "model", parts: [{ text: "hi" }] }, finishReason: "STOP", index: 0 }],
  modelVersion: "ran-this",
  usageMetadata,
});

const converse = (usage: unknown) => ({
  output: { message: { role: "assistant", content: [{ text: "hi" }] } },
  stopReason: "end_turn",
  metrics: { latencyMs: 1 },
  usage,
});
const ollama = (usage: object) => ({
  model: "ran-this",
  created_at: "2026-01-01T00:00:00Z",
  message: { role: "assistant", content: "hi" },
  done: true,
  done_reason: "stop",
  ...usage,
});

const UNKNOWN = { input: null, cached: null, output: null, reasoning: null, costUsd: null };

test("input includes cached tokens on every wire, and what a provider does not state is null", async (t) => {
  const bodies: [Wire, object, ModelUsage][] = [
    [
      "openai",
      responses({ input_tokens: 90, input_tokens_details: { cached_tokens: 40 }, output_tokens: 30, output_tokens_details: { reasoning_tokens: 20 } }),
      { input: 90, cached: 40, output: 30, reasoning: 20, costUsd: null },
    ],
    ["openai", responses({ input_tokens: 90, output_tokens: 30 }), { ...UNKNOWN, input: 90, output: 30 }],
    ["openai-compatible", chat({ prompt_tokens: 90, completion_tokens: 30, total_tokens: 120 }), { ...UNKNOWN, input: 90, output: 30 }],
    ["openai-compatible", chat({ prompt_tokens: 90 }), { ...UNKNOWN, input: 90 }],
    ["openai-compatible", chat(undefined), UNKNOWN],
    ["openai-compatible", chat({ prompt_tokens: -1, completion_tokens: 2.5, cost: 3 }), UNKNOWN],
    [
      "anthropic",
      messages({ input_tokens: 10, cache_read_input_tokens: 70, cache_creation_input_tokens: 10, output_tokens: 30 }),
      { ...UNKNOWN, input: 90, cached: 70, output: 30 },
    ],
    [
      "google",
      gemini({ promptTokenCount: 90, cachedContentTokenCount: 40, candidatesTokenCount: 10, thoughtsTokenCount: 20, totalTokenCount: 120 }),
      { input: 90, cached: 40, output: 30, reasoning: 20, costUsd: null },
    ],
    ["google", gemini({ promptTokenCount: 90, totalTokenCount: 90 }), { ...UNKNOWN, input: 90 }],
    [
      "openrouter",
      chat({ prompt_tokens: 90, prompt_tokens_details: { cached_tokens: 40 }, completion_tokens: 30, total_tokens: 120, cost: 0.0123 }),
      { ...UNKNOWN, input: 90, cached: 40, output: 30, costUsd: 0.0123 },
    ],
    ["openrouter", chat(undefined), UNKNOWN],
    ["ollama", ollama({ prompt_eval_count: 90, eval_count: 30 }), { ...UNKNOWN, input: 90, output: 30 }],
    ["ollama", ollama({}), UNKNOWN],
    ["bedrock", converse({ inputTokens: 10, cacheReadInputTokens: 80, outputTokens: 30, totalTokens: 120 }), { ...UNKNOWN, input: 90, cached: 80, output: 30 }],
  ];
  for (const [wire, body, usage] of bodies) {
    const { result } = await ask(t, wire, (response) => (wire === "google" ? stream(response, [body]) : sendJson(response, body)));
    assert.deepEqual(usageIn(result), usage, wire);
  }
});

test("usage comes through a stream as it does whole", async (t) => {
  const anthropic = await ask(t, "anthropic", {
    streamed: true,
    answer: (response) =>
      stream(response, [
        {
          type: "message_start",
          message: {
            id: "m",
            type: "message",
            role: "assistant",
            model: "ran-this",
            content: [],
            usage: { input_tokens: 10, cache_read_input_tokens: 80, output_tokens: 1 },
          },
        },
        { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hi" } },
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 30 } },
        { type: "message_stop" },
      ]),
  });
  const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "ran-this" };
  const openrouter = await ask(t, "openrouter", {
    streamed: true,
    answer: (response) =>
      stream(response, [
        { ...chunk, choices: [{ index: 0, delta: { role: "assistant", content: "hi" }, finish_reason: null }] },
        {
          ...chunk,
          choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
          usage: { prompt_tokens: 90, completion_tokens: 30, total_tokens: 120, cost: 0.5 },
        },
      ]),
  });
  const compatible = await ask(t, "openai-compatible", {
    streamed: true,
    answer: (response) => stream(response, [{ ...chunk, choices: [{ index: 0, delta: { content: "hi" }, finish_reason: "stop" }] }]),
  });
  assert.deepEqual(
    [usageIn(anthropic.result), usageIn(openrouter.result), usageIn(compatible.result)],
    [{ ...UNKNOWN, input: 90, cached: 80, output: 30 }, { ...UNKNOWN, input: 90, output: 30, costUsd: 0.5 }, UNKNOWN],
  );
});

test("the whole answer is in our words, with the model that the provider says it ran", async (t) => {
  const toolCalls = [
    { id: "call_1", type: "function", function: { name: "look", arguments: "" } },
    { id: "call_1", type: "function", function: { name: "look", arguments: '{"at":1}' } },
  ];
  const { result } = await ask(t, "openai-compatible", {
    answer: (response) => sendJson(response, chat({}, { role: "assistant", content: "```json\n{}\n```", tool_calls: toolCalls })),
    call: { output: { name: "x", schema: { type: "object" } } },
  });
  assert.deepEqual(result, {
    kind: "answered",
    answer: {
      text: "```json\n{}\n```",
      object: {},
      toolCalls: [
        { callId: "call_1", name: "look", args: {} },
        { callId: "call_1_1", name: "look", args: { at: 1 } },
      ],
      finish: "tool_calls",
      usage: UNKNOWN,
      modelId: "ran-this",
    },
  });
});

test("arguments that are not JSON are malformed, with what they cost; cut off by the limit they are left out", async (t) => {
  const toolCalls = [{ id: "call_1", type: "function", function: { name: "look", arguments: '{"at":' } }];
  const body = (finish: string) => chat({ prompt_tokens: 9, completion_tokens: 4 }, { role: "assistant", content: null, tool_calls: toolCalls }, finish);
  const broken = await ask(t, "openai-compatible", (response) => sendJson(response, body("tool_calls")));
  const cut = await ask(t, "openai-compatible", (response) => sendJson(response, body("length")));
  const usage = { ...UNKNOWN, input: 9, output: 4 };
  assert.deepEqual(broken.result, {
    kind: "failed",
    failure: { reason: "malformed", message: "mine called a tool with arguments that are not JSON.", retryable: true, retryAtMs: null, usage },
  });
  assert.deepEqual(cut.result, { kind: "answered", answer: { text: "", object: null, toolCalls: [], finish: "length", usage, modelId: "ran-this" } });
});

test("an answer without anything in it, nor a word about why, is malformed", async (t) => {
  const { result } = await ask(t, "openai-compatible", (response) => sendJson(response, chat({}, { role: "assistant", content: "" }, null)));
  assert.equal(result.kind === "failed" ? result.failure.reason : "answered", "malformed");
});

test("an answer that is no object is not asked for again behind our back", async (t) => {
  const output = { name: "x", schema: { type: "object", properties: { severity: { type: "integer" } }, required: ["severity"] } };
  const body = { ...ollama({}), message: { role: "assistant", content: "severity four" } };
  const { result, requests } = await ask(t, "ollama", { answer: (response) => sendJson(response, body), call: { output } });
  assert.deepEqual([result.kind === "answered" ? result.answer.text : result, requests], ["severity four", 1]);
});

test("a filtered answer says so", async (t) => {
  const filtered = await ask(t, "openai-compatible", (response) => sendJson(response, chat({}, { role: "assistant", content: "" }, "content_filter")));
  const blocked = await ask(t, "google", (response) =>
    stream(response, [{ promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 4 } }]),
  );
  const refused = await ask(t, "openai", (response) => sendJson(response, { error: { code: "content_policy_violation", message: "no" } }, { status: 400 }));
  const told = [filtered, blocked, refused].map(({ result }) => (result.kind === "answered" ? result.answer.finish : result.failure.reason));
  assert.deepEqual(told, ["content_filter", "content_filter", "refused"]);
});

test("a library that wants to go on with a second request is refused, and what came is the answer", async (t) => {
  const part = { ...gemini({ promptTokenCount: 4, candidatesTokenCount: 2 }) };
  const unfinished = { ...part, candidates: [{ ...part.candidates[0], finishReason: "CONTINUATION", continuationToken: "more" }] };
  for (const streamed of [false, true]) {
    const { result, requests } = await ask(t, "google", { answer: (response) => stream(response, [unfinished]), streamed });
    assert.equal(requests, 1);
    assert.deepEqual(result.kind === "answered" ? [result.answer.text, result.answer.finish] : result, ["hi", "length"], streamed ? "streamed" : "whole");
  }
});
