import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelCall } from "#src/acts/ports/model-port.ts";
import { heldClock } from "./held-clock.ts";
import { modelPortSuite, type ProviderScript } from "./model-port.suite.ts";
import { callTool, callTools, failWith, say, sayObject, scriptedModel, type ScriptStep } from "./scripted-model.ts";

const nowMs = heldClock().nowMs();

modelPortSuite({
  name: "scripted",
  toolOnWire: "notes.list:read",
  async subject(_t, script) {
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const port = scriptedModel((call, options) => {
      resolve();
      const step = stepOf(script);
      return typeof step === "function" ? step(call, options) : step;
    });
    return { port, model: "scripted:one", nowMs, requests: () => port.calls.length, reached };
  },
});

function stepOf(script: ProviderScript): ScriptStep {
  switch (script.does) {
    case "say":
      return say(script.text, { usage: { input: script.inputTokens, cached: null, output: script.outputTokens, reasoning: null, costUsd: null } });
    case "call":
      return callTool(script.toolName, script.args);
    case "hang":
      return () => new Promise(() => {});
    case "fail":
      return failWith(script.reason, script.retryAfterSeconds === undefined ? {} : { retryAtMs: nowMs + script.retryAfterSeconds * 1_000 });
  }
}

const call: ModelCall = { model: "scripted:one", system: "", messages: [{ role: "user", text: "hello" }], tools: [], maxOutputTokens: 16 };
const signal = new AbortController().signal;

test("the steps are taken in order, calls are kept, and a call beyond the script is a fault of the test", async () => {
  const model = scriptedModel([sayObject({ b: 1, a: 2 }), callTools([{ name: "one" }, { name: "two", args: { page: 1 } }])]);
  const output = { name: "x", schema: {} };
  const first = await model.generate({ ...call, output }, { signal });
  const second = await model.generate(call, { signal });
  const usage = { input: 100, cached: 0, output: 20, reasoning: 0, costUsd: null };
  assert.deepEqual(
    [first, second],
    [
      { kind: "answered", answer: { text: '{"a":2,"b":1}', object: { b: 1, a: 2 }, toolCalls: [], finish: "stop", usage, modelId: "one" } },
      {
        kind: "answered",
        answer: {
          text: "",
          object: null,
          toolCalls: [
            { callId: "call_1_0", name: "one", args: {} },
            { callId: "call_1_1", name: "two", args: { page: 1 } },
          ],
          finish: "tool_calls",
          usage,
          modelId: "one",
        },
      },
    ],
  );
  assert.deepEqual(model.calls, [{ ...call, output }, call]);
  await assert.rejects(model.generate(call, { signal }), /has 2 steps, and call 3 came/);
});
