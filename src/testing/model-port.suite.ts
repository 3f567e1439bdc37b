import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { ModelCall, ModelFailure, ModelPort, ModelResult } from "#src/acts/ports/model-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";

/** What the provider behind the port is told to do at its next request. */
export type ProviderScript =
  | { readonly does: "say"; readonly text: string; readonly inputTokens: number; readonly outputTokens: number }
  | { readonly does: "call"; readonly toolName: string; readonly args: Json }
  | { readonly does: "fail"; readonly reason: ProviderFault; readonly retryAfterSeconds?: number }
  /** Takes the request and never answers. */
  | { readonly does: "hang" };

export type ProviderFault = Exclude<ModelFailure["reason"], "aborted" | "refused" | "timed_out">;

/** A port whose provider is scripted. */
export interface ModelPortSubject {
  readonly port: ModelPort;
  /** `provider:model`. */
  readonly model: string;
  /** The time that the port takes from its clock, which stands still. */
  readonly nowMs: number;
  /** Requests that reached the provider. */
  requests(): number;
  /** Settles when the provider has the first request in its hands. */
  readonly reached: Promise<void>;
}

export interface ModelPortSuite {
  readonly name: string;
  readonly subject: (t: TestContext, script: ProviderScript) => Promise<ModelPortSubject>;
  /** The name under which the provider sees the tool `notes.list:read`, which few wires take as it is. */
  readonly toolOnWire: string;
}

const TOOL = {
  name: "notes.list:read",
  description: "Lists notes",
  schema: { type: "object", properties: { page: { type: "integer" } }, required: ["page"], additionalProperties: false },
} as const;

/** What every port owes its callers, whatever stands behind it. */
export function modelPortSuite({ name, subject, toolOnWire }: ModelPortSuite): void {
  const never = new AbortController().signal;
  const ask = (at: ModelPortSubject, more: Partial<ModelCall> = {}): Promise<ModelResult> => at.port.generate(callOf(at, more), { signal: never });

  describe(`a model port: ${name}`, () => {
    test("a plain answer comes back with its text and the tokens that it took, in one request", async (t) => {
      const at = await subject(t, { does: "say", text: "The pump is in the cellar.", inputTokens: 31, outputTokens: 7 });
      const answer = answered(await ask(at));
      const { text, object, toolCalls, finish, modelId } = answer;
      assert.deepEqual({ text, object, toolCalls, finish }, { text: "The pump is in the cellar.", object: null, toolCalls: [], finish: "stop" });
      assert.deepEqual([answer.usage.input, answer.usage.output], [31, 7]);
      assert.ok(modelId.length > 0);
      assert.equal(at.requests(), 1);
    });

    test("a streamed answer is told piece by piece and comes back whole, in one request", async (t) => {
      const text = "First open the valve, then wait until the gauge falls, then close it again.";
      const at = await subject(t, { does: "say", text, inputTokens: 31, outputTokens: 19 });
      const pieces: string[] = [];
      const answer = answered(await at.port.generate(callOf(at), { signal: never, onText: (delta) => pieces.push(delta) }));
      assert.equal(answer.text, text);
      assert.equal(pieces.join(""), text);
      assert.ok(pieces.length > 1, `one piece: ${pieces[0]}`);
      assert.deepEqual([answer.finish, answer.usage.input, answer.usage.output], ["stop", 31, 19]);
      assert.equal(at.requests(), 1);
    });

    for (const streamed of [false, true]) {
      test(`a tool call comes back under the name that was offered, ${streamed ? "streamed" : "whole"}`, async (t) => {
        const at = await subject(t, { does: "call", toolName: toolOnWire, args: { page: 2 } });
        const options = streamed ? { signal: never, onText: () => {} } : { signal: never };
        const answer = answered(await at.port.generate(callOf(at, { tools: [TOOL] }), options));
        assert.deepEqual(
          answer.toolCalls.map(({ name: called, args }) => ({ called, args })),
          [{ called: TOOL.name, args: { page: 2 } }],
        );
        assert.ok(answer.toolCalls.every((made) => made.callId.length > 0));
        assert.equal(answer.finish, "tool_calls");
      });
    }

    test("a transcript with tool calls and their results can be carried on", async (t) => {
      const at = await subject(t, { does: "say", text: "There are two notes.", inputTokens: 40, outputTokens: 6 });
      const messages: ModelCall["messages"] = [
        { role: "user", text: "Which notes are there?" },
        {
          role: "assistant",
          text: "",
          toolCalls: [
            { callId: "call_a", name: TOOL.name, args: { page: 1 } },
            { callId: "call_b", name: TOOL.name, args: { page: 2 } },
          ],
        },
        { role: "tool", callId: "call_a", name: TOOL.name, result: { notes: ["milk"] } },
        { role: "tool", callId: "call_b", name: TOOL.name, result: "no more" },
      ];
      assert.equal(answered(await ask(at, { messages, tools: [TOOL] })).text, "There are two notes.");
    });

    const output = {
      name: "triage",
      schema: { type: "object", properties: { severity: { type: "integer" } }, required: ["severity"], additionalProperties: false },
    };
    test("a structured answer comes back parsed", async (t) => {
      const at = await subject(t, { does: "say", text: '{"severity":4}', inputTokens: 31, outputTokens: 6 });
      assert.deepEqual(answered(await ask(at, { output })).object, { severity: 4 });
    });

    test("a structured answer that is streamed is told, and comes back parsed", async (t) => {
      const text = '{"severity":4,"why":"water near a socket in the kitchen"}';
      const at = await subject(t, { does: "say", text, inputTokens: 31, outputTokens: 12 });
      const pieces: string[] = [];
      const { object, usage } = answered(await at.port.generate(callOf(at, { output }), { signal: never, onText: (delta) => pieces.push(delta) }));
      assert.deepEqual([object, pieces.join(""), usage.input, usage.output], [JSON.parse(text), text, 31, 12]);
    });

    for (const text of ["severity four", "[4]", '{"severity":']) {
      test(`text that is not one JSON object gives no object: ${text}`, async (t) => {
        const at = await subject(t, { does: "say", text, inputTokens: 31, outputTokens: 6 });
        const { object, text: said } = answered(await ask(at, { output }));
        assert.deepEqual({ object, said }, { object: null, said: text });
      });
    }

    const retryable: Record<ProviderFault, boolean> = {
      rate_limited: true,
      overloaded: true,
      server_error: true,
      network: true,
      malformed: true,
      usage_limit: false,
      not_authorised: false,
      bad_request: false,
      context_too_long: false,
    };
    for (const reason of Object.keys(retryable) as ProviderFault[]) {
      for (const streamed of [false, true]) {
        test(`a provider's failure is an answer, never thrown, and sent once: ${reason}, ${streamed ? "streamed" : "whole"}`, async (t) => {
          const at = await subject(t, { does: "fail", reason });
          const options = streamed ? { signal: never, onText: () => {} } : { signal: never };
          const failure = failed(await at.port.generate(callOf(at), options));
          assert.deepEqual({ reason: failure.reason, retryable: failure.retryable }, { reason, retryable: retryable[reason] }, failure.message);
          assert.ok(failure.message.length > 0 && failure.message.length <= 300, failure.message);
          assert.equal(at.requests(), 1);
        });
      }
    }

    test("the time that a provider names for the next try is told", async (t) => {
      const at = await subject(t, { does: "fail", reason: "rate_limited", retryAfterSeconds: 42 });
      assert.equal(failed(await ask(at)).retryAtMs, at.nowMs + 42_000);
    });

    test("a call that was aborted before it began sends nothing", async (t) => {
      const at = await subject(t, { does: "say", text: "too late", inputTokens: 1, outputTokens: 1 });
      assert.equal(failed(await at.port.generate(callOf(at), { signal: AbortSignal.abort() })).reason, "aborted");
      assert.equal(at.requests(), 0);
    });

    for (const streamed of [false, true]) {
      test(`a call that is aborted under way stops, ${streamed ? "streamed" : "whole"}`, async (t) => {
        const at = await subject(t, { does: "hang" });
        const stop = new AbortController();
        const options = streamed ? { signal: stop.signal, onText: () => {} } : { signal: stop.signal };
        const under = at.port.generate(callOf(at), options);
        await at.reached;
        stop.abort();
        assert.equal(failed(await under).reason, "aborted");
      });
    }
  });
}

function callOf(at: ModelPortSubject, more: Partial<ModelCall> = {}): ModelCall {
  return { model: at.model, system: "You help.", messages: [{ role: "user", text: "Where is the pump?" }], tools: [], maxOutputTokens: 256, ...more };
}

function answered(result: ModelResult) {
  assert.equal(result.kind, "answered", result.kind === "failed" ? `${result.failure.reason}: ${result.failure.message}` : "");
  return (result as Extract<ModelResult, { kind: "answered" }>).answer;
}

function failed(result: ModelResult) {
  assert.equal(result.kind, "failed");
  return (result as Extract<ModelResult, { kind: "failed" }>).failure;
}
