import type { Json } from "#src/kernel/canonical-json.ts";

/** A provider of language models, seen through one call at a time: no loop, no retry, no fallback; those are ours and durable. */
export interface ModelPort {
  /**
   * One request on the wire, at most. Gives an answer or a typed failure; throws only for bugs. Stops when the signal aborts, with reason `aborted`.
   * `onText` gets deltas while the model speaks; nothing may depend on them.
   */
  generate(call: ModelCall, options: { signal: AbortSignal; onText?: (delta: string) => void }): Promise<ModelResult>;
}

export interface ModelCall {
  /** `provider:model`, such as `anthropic:claude-haiku-4-5`. */
  readonly model: string;
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolOffer[];
  /** The bytes of the files that messages name, by digest. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** When set, the answer must be one JSON object of this JSON Schema. */
  readonly output?: { readonly name: string; readonly schema: Json };
  /** Always sent to the provider. Tokens, 1 or more. */
  readonly maxOutputTokens: number;
  readonly temperature?: number;
  readonly reasoningEffort?: "low" | "medium" | "high";
}

export type ModelMessage =
  | { readonly role: "user"; readonly text: string; readonly files?: readonly ModelFile[] }
  | { readonly role: "assistant"; readonly text: string; readonly toolCalls: readonly ToolCall[] }
  | { readonly role: "tool"; readonly callId: string; readonly name: string; readonly result: Json };

/** A file or image that came with a message, in place after its text; the bytes stand in `ModelCall.files`. */
export interface ModelFile {
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly digest: string;
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

export interface ToolCall {
  readonly callId: string;
  readonly name: string;
  readonly args: Json;
}

export interface ToolOffer {
  readonly name: string;
  readonly description: string;
  readonly schema: Json;
}

export type ModelResult = { readonly kind: "answered"; readonly answer: ModelAnswer } | { readonly kind: "failed"; readonly failure: ModelFailure };

export interface ModelAnswer {
  readonly text: string;
  /** The parsed object when `output` was asked for and the text is JSON; it is not yet checked against the schema. */
  readonly object: Json | null;
  readonly toolCalls: readonly ToolCall[];
  readonly finish: "stop" | "length" | "tool_calls" | "content_filter" | "other";
  readonly usage: ModelUsage;
  /** What the provider says it ran; may differ from what was asked. */
  readonly modelId: string;
}

/** Tokens. `input` includes cached ones. Null is unknown, never zero. `costUsd` only where the provider itself states it. */
export interface ModelUsage {
  readonly input: number | null;
  readonly cached: number | null;
  readonly output: number | null;
  readonly reasoning: number | null;
  readonly costUsd: number | null;
}

export interface ModelFailure {
  readonly reason:
    | "rate_limited" // too many requests now; try later
    | "overloaded" // the provider is busy (503, 529)
    | "usage_limit" // a plan's limit until a stated time, or a quota without money
    | "not_authorised" // key missing, wrong or without rights
    | "bad_request" // the call itself is wrong; the same call will fail again
    | "context_too_long"
    | "refused" // content filter
    | "network" // nothing came back
    | "timed_out"
    | "server_error" // 5xx
    | "malformed" // an answer that could not be read
    | "aborted";
  /** For a person; no secrets, no bodies. */
  readonly message: string;
  /** Whether the same call may succeed later. A quota without money is not. */
  readonly retryable: boolean;
  /** Milliseconds since 1970, when the provider said so (`Retry-After` in seconds or as a date, or a stated reset time). */
  readonly retryAtMs: number | null;
  /** What was used before the failure, when known. */
  readonly usage: ModelUsage | null;
}
