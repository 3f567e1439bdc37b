import type { ModelUsage } from "#src/acts/ports/model-port.ts";
import type { Wire } from "./providers.ts";

type Raw = Readonly<Record<string, unknown>>;

const UNKNOWN: ModelUsage = { input: null, cached: null, output: null, reasoning: null, costUsd: null };

/**
 * Tokens as the provider stated them, read from its own words: the libraries fill what is missing with zeros, and here unknown is never zero.
 * `input` includes cached tokens on every wire.
 */
export function usageOf(wire: Wire, raw: unknown): ModelUsage {
  if (!isRaw(raw)) return UNKNOWN;
  const cached = CACHED.map((path) => at(raw, path)).find((value) => value !== undefined);
  const reasoning = REASONING.map((path) => at(raw, path)).find((value) => value !== undefined);
  return {
    input: sum(stated(raw, INPUT), ...extra(raw, wire === "anthropic" || wire === "bedrock" ? BESIDE_INPUT : ["toolUsePromptTokenCount"])),
    cached: count(cached),
    output: sum(stated(raw, OUTPUT), ...extra(raw, ["thoughtsTokenCount"])),
    reasoning: count(reasoning),
    // Elsewhere a `cost` may be in any currency.
    costUsd: wire === "openrouter" ? amount(raw["cost"]) : null,
  };
}

const INPUT = ["input_tokens", "prompt_tokens", "inputTokens", "promptTokenCount", "prompt_eval_count"];
const OUTPUT = ["output_tokens", "completion_tokens", "outputTokens", "candidatesTokenCount", "eval_count"];
const CACHED = [
  ["input_tokens_details", "cached_tokens"],
  ["prompt_tokens_details", "cached_tokens"],
  ["cache_read_input_tokens"],
  ["cacheReadInputTokens"],
  ["cachedContentTokenCount"],
];
const REASONING = [
  ["output_tokens_details", "reasoning_tokens"],
  ["completion_tokens_details", "reasoning_tokens"],
  ["output_tokens_details", "thinking_tokens"],
  ["thoughtsTokenCount"],
];
/** Counted by Anthropic and Bedrock beside the input, not in it. */
const BESIDE_INPUT = ["cache_read_input_tokens", "cache_creation_input_tokens", "cacheReadInputTokens", "cacheWriteInputTokens"];

const isRaw = (value: unknown): value is Raw => typeof value === "object" && value !== null && !Array.isArray(value);
const present = (value: unknown) => value !== undefined && value !== null;

const stated = (raw: Raw, names: readonly string[]): unknown => names.map((name) => raw[name]).find(present);
const extra = (raw: Raw, names: readonly string[]): unknown[] => names.map((name) => raw[name]).filter(present);

function at(raw: Raw, path: readonly string[]): unknown {
  let value: unknown = raw;
  for (const name of path) value = isRaw(value) ? value[name] : undefined;
  return value ?? undefined;
}

function sum(...values: readonly unknown[]): number | null {
  const counts = values.map(count);
  return counts.some((value) => value === null) ? null : counts.reduce<number>((total, value) => total + (value ?? 0), 0);
}

const count = (value: unknown): number | null => (Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null);
const amount = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null);
