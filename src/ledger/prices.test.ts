import assert from "node:assert/strict";
import { test } from "node:test";
import { heldClock } from "#src/testing/held-clock.ts";
import { usdText } from "./money.ts";
import { createPriceList, type PriceOverride } from "./prices.ts";

const clock = heldClock(Date.UTC(2026, 8, 25));
const prices = (overrides: Record<string, PriceOverride> = {}, providers: Record<string, { wire: string }> = {}) =>
  createPriceList({ overrides, providers, clock });
const usage = (input: number | null, output: number | null, cached: number | null = 0) => ({ input, cached, output });

test("a call is priced from the shipped table, cached input at its own rate, and the matched model is named", () => {
  const list = prices();
  assert.deepEqual(list.priceOf("anthropic:claude-haiku-4-5", usage(1_000, 100)), { listNanos: 1_500_000, pricedAs: "anthropic:claude-haiku-4-5" });
  assert.deepEqual(list.priceOf("anthropic:claude-haiku-4-5", usage(1_000, 100, 1_000)), { listNanos: 600_000, pricedAs: "anthropic:claude-haiku-4-5" });
  assert.deepEqual(list.priceOf("openai:gpt-5.1-codex", usage(1_000, 0)), { listNanos: 1_250_000, pricedAs: "openai:gpt-5.1" });
  assert.equal(list.priceOf("bedrock:anthropic.claude-haiku-4-5-20251001-v1:0", usage(1_000, 0))?.listNanos, 1_100_000);
});

test("what has no known price is unknown, never free", () => {
  const list = prices({}, { "openai-compatible": { wire: "openai-compatible" }, ollama: { wire: "ollama" } });
  const unknown = [
    "openai:gpt-99-unheard",
    "ollama:llama3",
    "openai-compatible:gpt-5",
    "nobody:x",
    "google:gemma-3",
    "openai:whisper-1",
    "gpt-5",
    ":gpt-5",
    "constructor:x",
  ];
  for (const model of unknown) {
    assert.equal(list.priceOf(model, usage(1_000, 1_000)), null, model);
    assert.equal(list.ceilingNanos(model, 1_000, 1_000), null, model);
    assert.deepEqual(list.costOf(model, usage(1_000, 1_000)), { costNanos: null, listNanos: null, pricedAs: null }, model);
  }
});

test("missing or contradictory token counts make the price unknown", () => {
  const list = prices({ "local:m": { inputUsd: 1, outputUsd: 1 } });
  for (const model of ["openai:gpt-5", "local:m"]) {
    assert.equal(list.priceOf(model, usage(null, 10)), null);
    assert.equal(list.priceOf(model, usage(10, null)), null);
    assert.equal(list.priceOf(model, usage(10, 10, 20)), null);
    assert.equal(list.priceOf(model, usage(-10, 10)), null);
    assert.equal(list.priceOf(model, usage(Number.NaN, 10)), null);
  }
  assert.deepEqual(list.priceOf("openai:text-embedding-3-small", usage(1_000, null)), { listNanos: 20_000, pricedAs: "openai:text-embedding-3-small" });
});

test("the operator's table wins, for one model or a whole provider, and only it can say zero", () => {
  const list = prices({ "ollama:*": { inputUsd: 0, outputUsd: 0 }, "openai:gpt-5": { inputUsd: 2, cachedUsd: 0.5, outputUsd: 4 } });
  assert.deepEqual(list.priceOf("ollama:llama3", usage(5, null)), { listNanos: 0, pricedAs: "override:ollama:*" });
  assert.deepEqual(list.priceOf("openai:gpt-5", usage(1_000, 100, 400)), { listNanos: 1_800_000, pricedAs: "override:openai:gpt-5" });
});

test("a provider with a name of its own is priced as the vendor of its wire", () => {
  const list = prices({}, { "claude-eu": { wire: "anthropic" } });
  assert.equal(list.priceOf("claude-eu:claude-haiku-4-5", usage(1_000, 100))?.pricedAs, "anthropic:claude-haiku-4-5");
});

test("cash is what the provider says it charged, list is the table", () => {
  const said = { ...usage(1_000, 100), costUsd: 0.0007 };
  assert.deepEqual(prices().costOf("anthropic:claude-haiku-4-5", said), { costNanos: 700_000, listNanos: 1_500_000, pricedAs: "anthropic:claude-haiku-4-5" });
  assert.deepEqual(prices().costOf("nobody:x", said), { costNanos: 700_000, listNanos: null, pricedAs: null });
  assert.equal(prices().costOf("nobody:x", { ...said, costUsd: -1 }).costNanos, null);
});

test("no use of the tokens that were allowed for costs more than the ceiling", () => {
  const list = prices({ "odd:m": { inputUsd: 1, cachedUsd: 3, outputUsd: 2 } });
  for (const model of ["anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro", "odd:m"]) {
    for (const input of [1, 777, 199_999, 250_001]) {
      const ceiling = list.ceilingNanos(model, input, 4_096)!;
      for (const cached of [0, Math.floor(input / 2), input])
        for (const output of [0, 16, 4_096])
          assert.ok(list.priceOf(model, usage(input, output, cached))!.listNanos <= ceiling, `${model} ${input} ${cached} ${output}`);
    }
  }
});

test("the output is clamped to what money and tokens still buy, down to sixteen tokens", () => {
  const list = prices({ "one:m": { inputUsd: 1, outputUsd: 10 } }); // 1,000 and 10,000 nanos a token
  const clamp = (remainingNanos: number | null, remainingTokens: number | null, wantedOutput = 4_096) =>
    list.clampOutput({ model: "one:m", inputTokens: 100, wantedOutput, remainingNanos, remainingTokens });
  assert.equal(clamp(null, null), 4_096);
  assert.equal(clamp(100_000 + 4_096 * 10_000, null), 4_096);
  assert.equal(clamp(100_000 + 500 * 10_000 + 9_999, null), 500);
  assert.equal(clamp(100_000 + 16 * 10_000, null), 16);
  assert.equal(clamp(100_000 + 16 * 10_000 - 1, null), null);
  assert.equal(clamp(1_000_000_000, 350), 250);
  assert.equal(clamp(null, 115), null);
  assert.equal(clamp(100_000 + 5 * 10_000, null, 5), 5);
  const unknown = { model: "nobody:x", inputTokens: 100, wantedOutput: 50, remainingTokens: null };
  assert.equal(list.clampOutput({ ...unknown, remainingNanos: 1_000_000 }), null);
  assert.equal(list.clampOutput({ ...unknown, remainingNanos: null }), 50);
});

test("an amount is shown with the digits that matter", () => {
  const cases: [number | null, string][] = [
    [null, "unknown"],
    [0, "$0.00"],
    [43_000_000, "$0.043"],
    [43_210_000, "$0.043"],
    [12_300_000_000, "$12.30"],
    [250_000_000, "$0.25"],
    [100_000_000, "$0.10"],
    [999_000_000, "$1.00"],
    [99_600_000, "$0.10"],
    [500, "$0.0000005"],
    [1, "$0.000000001"],
    [-250_000_000, "-$0.25"],
  ];
  assert.deepEqual(
    cases.map(([nanos]) => usdText(nanos)),
    cases.map(([, text]) => text),
  );
});
