import type { ModelAnswer, ModelCall, ToolCall } from "#src/acts/ports/model-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Wire } from "./providers.ts";
import type { ToolNames } from "./tool-names.ts";
import { usageOf } from "./usage.ts";
import type { GenerateResult, LanguageModel, CallOptions, StreamPart } from "./vendors.ts";

/** What came back, whole or in a stream, before it is put into our words. */
export interface RawAnswer {
  readonly text: string;
  readonly toolCalls: readonly RawToolCall[];
  readonly finish: GenerateResult["finishReason"];
  readonly rawUsage: unknown;
  readonly modelId: string | undefined;
}

type RawToolCall = Pick<Extract<StreamPart, { type: "tool-call" }>, "toolCallId" | "toolName" | "input" | "providerExecuted">;

/** Thrown for whatever the vendor's library throws or says inside a stream; the cause is its own error, where there is one. */
export class VendorError extends Error {
  override readonly name = "VendorError";
  /** Whether any of the answer had come. */
  readonly began: boolean;
  constructor(message: string, more: { began?: boolean; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.began = more.began ?? false;
  }
}

/** @throws VendorError */
export async function generateWhole(model: LanguageModel, options: CallOptions): Promise<RawAnswer> {
  const result = await named(model.doGenerate(options), false);
  const text = result.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  const toolCalls = result.content.filter((part) => part.type === "tool-call");
  const came = text !== "" || toolCalls.length > 0;
  if (result.finishReason.unified === "error" || (!came && lacksEnd(result.finishReason))) throw new VendorError("there is no answer in it");
  return {
    text,
    toolCalls,
    finish: result.finishReason,
    rawUsage: result.usage.raw,
    modelId: result.response?.modelId,
  };
}

/** Whom a stream is told to, and whether a library's request for a continuation was refused: then its error is no error of the answer. */
export interface Listener {
  onText(delta: string): void;
  /** The model has begun to say something, a text or a call of a tool. */
  speaks(): void;
  refusedMore(): boolean;
}

const SPEAKING: ReadonlySet<StreamPart["type"]> = new Set(["text-delta", "tool-input-start", "tool-input-delta", "tool-call"]);

/** Reads to the end: a broken stream ends quietly in some libraries, with an error part in others. @throws VendorError */
export async function generateStreamed(model: LanguageModel, options: CallOptions, listener: Listener): Promise<RawAnswer> {
  const { stream } = await named(model.doStream(options), false);
  const reader = stream.getReader();
  let text = "";
  let modelId: string | undefined;
  let finish: Extract<StreamPart, { type: "finish" }> | undefined;
  const toolCalls: RawToolCall[] = [];
  const began = () => text !== "" || toolCalls.length > 0;
  for (;;) {
    const { done, value: part } = await named(reader.read(), began());
    if (done) break;
    if (part.type === "error" && !listener.refusedMore()) throw new VendorError("an error inside the stream", { began: began(), cause: part.error });
    if (SPEAKING.has(part.type)) listener.speaks();
    if (part.type === "text-delta") {
      text += part.delta;
      if (part.delta !== "") listener.onText(part.delta);
    } else if (part.type === "tool-call") toolCalls.push(part);
    else if (part.type === "response-metadata") modelId = part.modelId ?? modelId;
    else if (part.type === "finish") finish = part;
  }
  if (finish?.finishReason.unified === "error") throw new VendorError("there is no answer in it");
  if (!finish || lacksEnd(finish.finishReason)) throw new VendorError("the stream ended before the model had finished", { began: began() });
  return { text, toolCalls, finish: finish.finishReason, rawUsage: finish.usage.raw, modelId };
}

async function named<Value>(promised: PromiseLike<Value>, began: boolean): Promise<Value> {
  try {
    return await promised;
  } catch (error) {
    throw new VendorError("the provider's library failed", { began, cause: error });
  }
}

/** Without a word of the provider about why it ended, the libraries say `other` or, the newer ones, `interrupted`. */
const lacksEnd = ({ unified, raw }: RawAnswer["finish"]) => unified === "interrupted" || (unified === "other" && raw === undefined);

/** The answer in our words, or undefined when a tool call in it cannot be read. */
export function toAnswer(raw: RawAnswer, about: { call: ModelCall; wire: Wire; names: ToolNames; asked: string }): ModelAnswer | undefined {
  const made = raw.toolCalls.filter((toolCall) => !toolCall.providerExecuted);
  const toolCalls = made.map((toolCall, index) => readToolCall(toolCall, { names: about.names, index }));
  const readable = toolCalls.filter((toolCall) => toolCall !== undefined);
  const finish = finishOf(raw.finish, readable.length);
  if (readable.length < toolCalls.length && finish !== "length") return undefined;
  return {
    text: raw.text,
    object: about.call.output ? objectIn(raw.text) : null,
    toolCalls: withOwnIds(readable),
    finish,
    usage: usageOf(about.wire, raw.rawUsage),
    modelId: raw.modelId ?? about.asked,
  };
}

function finishOf({ unified }: RawAnswer["finish"], toolCalls: number): ModelAnswer["finish"] {
  if (unified === "length") return "length";
  if (unified === "content-filter") return "content_filter";
  if (unified === "tool-calls" || toolCalls > 0) return "tool_calls"; // Gemini says STOP after a tool call
  return unified === "stop" ? "stop" : "other";
}

function readToolCall(made: RawToolCall, { names, index }: { names: ToolNames; index: number }): ToolCall | undefined {
  const args = made.input.trim() === "" ? {} : parse(made.input);
  return args === undefined ? undefined : { callId: made.toolCallId || `call_${index}`, name: names.fromWire(made.toolName), args };
}

/** Some servers number the calls of every answer anew, or give two calls one id; within an answer an id is one call's own. */
function withOwnIds(toolCalls: readonly ToolCall[]): ToolCall[] {
  const seen = new Set<string>();
  return toolCalls.map((toolCall, index) => {
    const callId = seen.has(toolCall.callId) ? `${toolCall.callId}_${index}` : toolCall.callId;
    seen.add(callId);
    return { ...toolCall, callId };
  });
}

const FENCED = /^```(?:json)?\s*\n([\s\S]*?)\n?```$/;

/** The one JSON object that the text is, bare or in a fence; else null. */
function objectIn(text: string): Json | null {
  const trimmed = text.trim();
  const value = parse(FENCED.exec(trimmed)?.[1] ?? trimmed);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
