import type { ModelAnswer, ModelCall, ModelFailure, ModelPort, ModelResult, ModelUsage } from "#src/acts/ports/model-port.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";

type Options = Parameters<ModelPort["generate"]>[1];

/** What the script does at one call: an answer, or a function that gives one. A function that never answers is ended by the signal. */
export type ScriptStep = ModelResult | ((call: ModelCall, options: Options) => ModelResult | Promise<ModelResult>);

export interface ScriptedModel extends ModelPort {
  /** Every call so far, oldest first, but for those whose signal was aborted before. */
  readonly calls: readonly ModelCall[];
}

/**
 * A model that says what it is told: the steps in order, or one function for all calls.
 * A tool call without an id of its own gets one that depends on the length of the transcript only, so it is the same in another process.
 */
export function scriptedModel(script: readonly ScriptStep[] | Exclude<ScriptStep, ModelResult>): ScriptedModel {
  const calls: ModelCall[] = [];
  return {
    calls,
    async generate(call, options) {
      if (options.signal.aborted) return failWith("aborted");
      calls.push(structuredClone(call));
      const step = typeof script === "function" ? script : script[calls.length - 1];
      if (!step) throw new Error(`the script of this model has ${script.length} steps, and call ${calls.length} came`);
      const result = await untilAborted(options.signal, () => (typeof step === "function" ? step(call, options) : step));
      if (result.kind === "failed") return result;
      for (const piece of result.answer.text.match(/\S+\s*|^\s+/g) ?? []) options.onText?.(piece);
      return { kind: "answered", answer: completed(result.answer, call) };
    },
  };
}

/** A plain answer. */
export function say(text: string, more: Partial<ModelAnswer> = {}): ModelResult {
  return { kind: "answered", answer: { text, object: null, toolCalls: [], finish: "stop", usage: USAGE, modelId: "", ...more } };
}

/** A structured answer. */
export function sayObject(value: Json, more: Partial<ModelAnswer> = {}): ModelResult {
  return say(canonicalJson(value), { object: value, ...more });
}

/** One tool call. */
export function callTool(name: string, args: Json = {}, more: Partial<ModelAnswer> = {}): ModelResult {
  return callTools([{ name, args }], more);
}

/** Several tool calls in one turn. */
export function callTools(made: readonly { readonly name: string; readonly args?: Json }[], more: Partial<ModelAnswer> = {}): ModelResult {
  return say("", { toolCalls: made.map(({ name, args }) => ({ callId: "", name, args: args ?? {} })), finish: "tool_calls", ...more });
}

/** A typed failure. Retryable and without a time unless said otherwise. */
export function failWith(reason: ModelFailure["reason"], more: Partial<Omit<ModelFailure, "reason">> = {}): ModelResult {
  const retryable = !FINAL.has(reason);
  return { kind: "failed", failure: { reason, message: `the script says ${reason}`, retryable, retryAtMs: null, usage: null, ...more } };
}

const USAGE: ModelUsage = { input: 100, cached: 0, output: 20, reasoning: 0, costUsd: null };
const FINAL: ReadonlySet<ModelFailure["reason"]> = new Set(["usage_limit", "not_authorised", "bad_request", "context_too_long", "refused"]);

function completed(answer: ModelAnswer, call: ModelCall): ModelAnswer {
  const toolCalls = answer.toolCalls.map((made, index) => ({ ...made, callId: made.callId || `call_${call.messages.length}_${index}` }));
  return { ...answer, object: call.output ? (answer.object ?? objectIn(answer.text)) : null, toolCalls, modelId: answer.modelId || modelOf(call) };
}

const modelOf = (call: ModelCall) => call.model.slice(call.model.indexOf(":") + 1);

function objectIn(text: string): Json | null {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

async function untilAborted(signal: AbortSignal, answer: () => ModelResult | Promise<ModelResult>): Promise<ModelResult> {
  const { promise, resolve } = Promise.withResolvers<ModelResult>();
  const onAbort = () => resolve(failWith("aborted"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, answer()]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
