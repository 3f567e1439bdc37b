import { calcPrice, findProvider } from "@pydantic/genai-prices";
import type { Clock } from "#src/kernel/clock.ts";
import { nanosOfUsd } from "./money.ts";

/** Tokens of one call. `input` includes cached ones, `output` includes reasoning. Null is unknown. */
export interface CallUsage {
  readonly input: number | null;
  readonly cached: number | null;
  readonly output: number | null;
  /** What the provider itself says it charged, in dollars; null or absent where it says nothing. */
  readonly costUsd?: number | null;
}

/** Dollars for one million tokens, as `prices` of loop.yaml has them. */
export interface PriceOverride {
  readonly inputUsd: number;
  readonly cachedUsd?: number | undefined;
  readonly outputUsd: number;
}

export interface Price {
  readonly listNanos: number;
  /** What was looked up: `anthropic:claude-haiku-4-5` of the shipped table, which may be a neighbour of the model asked for, or `override:…`. */
  readonly pricedAs: string;
}

/** Cash is what the provider charged where it says so, else the list price. Null is unknown, never zero. */
export interface CallCost {
  readonly costNanos: number | null;
  readonly listNanos: number | null;
  readonly pricedAs: string | null;
}

export interface OutputWish {
  readonly model: string;
  readonly inputTokens: number;
  readonly wantedOutput: number;
  /** What the tightest budget still has; null: no cap in that unit. */
  readonly remainingNanos: number | null;
  readonly remainingTokens: number | null;
}

/** Models are named `provider:model`. Nothing here throws and nothing is fetched. */
export interface PriceList {
  /** List price of a call; null when the model or a needed token count is unknown, or the counts contradict each other. */
  priceOf(model: string, usage: CallUsage): Price | null;
  costOf(model: string, usage: CallUsage): CallCost;
  /** The most that a call can cost, in nanos; null for a model without a price. */
  ceilingNanos(model: string, inputTokens: number, maxOutputTokens: number): number | null;
  /** The `max_output_tokens` that is wanted, or as much of it as can still be paid; null when not even 16 tokens can, or the price is unknown under a cap in money. */
  clampOutput(wish: OutputWish): number | null;
}

export interface PriceListOptions {
  /** By `provider:model`, or `provider:*` for all models of a provider. They win over the shipped table. A price of zero stands only here. */
  readonly overrides: Readonly<Record<string, PriceOverride>>;
  /** `providers` of loop.yaml: a provider with a name of its own is priced as the vendor of its wire. */
  readonly providers?: Readonly<Record<string, { readonly wire: string }>>;
  readonly clock: Clock;
}

const LEAST_OUTPUT_TOKENS = 16;

/** Our word → the table's. Names are matched whole: the table itself would take `openai-compatible` for `openai`. */
const VENDORS = new Map([
  ["bedrock", "aws"],
  ["google-vertex", "google"],
  ["vertex", "google"],
  ["xai", "x-ai"],
]);
const VENDOR_WIRES: readonly string[] = ["openai", "anthropic", "google", "openrouter", "bedrock"];

export function createPriceList(options: PriceListOptions): PriceList {
  const priceOf = (model: string, usage: CallUsage): Price | null => {
    const exact = exactPrice(options, model, usage);
    return exact && { listNanos: nanosOfUsd(exact.usd), pricedAs: exact.pricedAs };
  };
  const ceilingNanos = (model: string, inputTokens: number, maxOutputTokens: number): number | null => {
    const uncached = exactPrice(options, model, { input: inputTokens, cached: 0, output: maxOutputTokens });
    const cached = exactPrice(options, model, { input: inputTokens, cached: inputTokens, output: maxOutputTokens });
    return uncached && cached && Math.ceil(nanosOfUsdExact(Math.max(uncached.usd, cached.usd)));
  };
  return {
    priceOf,
    ceilingNanos,
    costOf(model, usage) {
      const price = priceOf(model, usage);
      const statedUsd = usage.costUsd ?? null;
      const cash = statedUsd !== null && statedUsd >= 0 && Number.isFinite(statedUsd) ? nanosOfUsd(statedUsd) : null;
      return { costNanos: cash ?? price?.listNanos ?? null, listNanos: price?.listNanos ?? null, pricedAs: price?.pricedAs ?? null };
    },
    clampOutput(wish) {
      const fits = (output: number): boolean => {
        if (wish.remainingTokens !== null && wish.inputTokens + output > wish.remainingTokens) return false;
        if (wish.remainingNanos === null) return true;
        const nanos = ceilingNanos(wish.model, wish.inputTokens, output);
        return nanos !== null && nanos <= wish.remainingNanos;
      };
      return largestThat(fits, Math.min(LEAST_OUTPUT_TOKENS, wish.wantedOutput), wish.wantedOutput);
    },
  };
}

/** The largest whole number from `low` to `high` that fits, when all below a fitting one fit too. */
function largestThat(fits: (value: number) => boolean, low: number, high: number): number | null {
  if (fits(high)) return high;
  if (!fits(low)) return null;
  let good = low;
  let bad = high;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (fits(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

/** Floating point leaves dust such as 1822500000.0000002, which must not become a nano more. */
const nanosOfUsdExact = (usd: number): number => Math.min(Math.round(usd * 1e12) / 1_000, Number.MAX_SAFE_INTEGER);

interface ExactPrice {
  readonly usd: number;
  readonly pricedAs: string;
}

function exactPrice(options: PriceListOptions, model: string, usage: CallUsage): ExactPrice | null {
  const colon = model.indexOf(":");
  if (colon < 1 || !isConsistent(usage)) return null;
  const provider = model.slice(0, colon);
  for (const key of [model, `${provider}:*`]) {
    const override = Object.hasOwn(options.overrides, key) ? options.overrides[key] : undefined;
    if (override) return overridePrice(override, key, usage);
  }
  const vendor = vendorOf(provider, options.providers);
  return vendor === null ? null : tablePrice({ vendor, name: model.slice(colon + 1), usage, at: new Date(options.clock.nowMs()) });
}

function isConsistent({ input, cached, output }: CallUsage): boolean {
  const counts = [input, cached, output].filter((count) => count !== null);
  return counts.every((count) => Number.isFinite(count) && count >= 0) && (input === null || cached === null || cached <= input);
}

function overridePrice(price: PriceOverride, key: string, usage: CallUsage): ExactPrice | null {
  const { input, cached, output } = usage;
  if (input === null || (output === null && price.outputUsd > 0)) return null;
  const cachedTokens = cached ?? 0;
  const usdPerMillion = (input - cachedTokens) * price.inputUsd + cachedTokens * (price.cachedUsd ?? price.inputUsd) + (output ?? 0) * price.outputUsd;
  return { usd: usdPerMillion / 1_000_000, pricedAs: `override:${key}` };
}

function vendorOf(provider: string, providers: PriceListOptions["providers"]): string | null {
  const wire = providers && Object.hasOwn(providers, provider) ? providers[provider]?.wire : undefined;
  const names = [provider, ...(wire !== undefined && VENDOR_WIRES.includes(wire) ? [wire] : [])].map((name) => VENDORS.get(name) ?? name);
  return names.find((name) => findProvider({ providerId: name })?.id === name) ?? null;
}

interface TableLookup {
  readonly vendor: string;
  readonly name: string;
  readonly usage: CallUsage;
  readonly at: Date;
}

/** An entry of the table without a price for input tokens is one without a known price; the table alone would count it as free. */
function tablePrice({ vendor, name, usage: { input, cached, output }, at }: TableLookup): ExactPrice | null {
  if (input === null) return null;
  const usage = { input_tokens: input, cache_read_tokens: cached ?? 0, output_tokens: output ?? 0 };
  const found = calcPrice(usage, name, { providerId: vendor, timestamp: at });
  if (found === null || found.model_price["input_mtok"] === undefined) return null;
  if (output === null && found.model_price["output_mtok"] !== undefined) return null;
  return { usd: found.total_price, pricedAs: `${found.provider.id}:${found.model.id}` };
}
