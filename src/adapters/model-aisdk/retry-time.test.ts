import assert from "node:assert/strict";
import { test } from "node:test";
import { errorInBody } from "./provider-error.ts";
import { retryAtMs } from "./retry-time.ts";

const nowMs = Date.UTC(2026, 0, 1);

function inMs(headers: Record<string, string>, body: object = {}): number | null {
  const said = new Headers(headers);
  const at = retryAtMs({ headers: said, error: errorInBody(JSON.stringify(body), said) }, nowMs);
  return at === null ? null : at - nowMs;
}

test("Retry-After is read in seconds, as a date and in milliseconds, the finest first", () => {
  assert.deepEqual(
    [
      inMs({ "retry-after": "20" }),
      inMs({ "retry-after": "0.5" }),
      inMs({ "retry-after": "Thu, 01 Jan 2026 01:00:00 GMT" }),
      inMs({ "retry-after": "20", "retry-after-ms": "1500" }),
      inMs({ "retry-after": "Wed, 31 Dec 2025 23:00:00 GMT" }),
    ],
    [20_000, 500, 3_600_000, 1_500, 0],
  );
});

test("what is no time gives none: words, negative numbers, more than a year", () => {
  assert.deepEqual(
    [inMs({}), inMs({ "retry-after": "soon" }), inMs({ "retry-after": "-5" }), inMs({ "retry-after": "" }), inMs({ "retry-after": "99999999999" })],
    [null, null, null, null, null],
  );
});

test("of the vendors' limits the used-up ones count, the latest of them", () => {
  assert.deepEqual(
    [
      inMs({
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m30s",
        "x-ratelimit-remaining-tokens": "9",
        "x-ratelimit-reset-tokens": "6h0m0s",
      }),
      inMs({
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-01-01T00:00:30Z",
        "anthropic-ratelimit-output-tokens-remaining": "0",
        "anthropic-ratelimit-output-tokens-reset": "2026-01-01T00:00:45Z",
      }),
      inMs({ "anthropic-ratelimit-unified-reset": String(nowMs / 1_000 + 7_200) }),
      inMs({ "x-ratelimit-reset-requests": "120ms" }),
      inMs({ "x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1s" }),
    ],
    [90_000, 45_000, 7_200_000, 120, null],
  );
});

test("a time that stands in the body is read", () => {
  assert.deepEqual(
    [
      inMs({}, { error: { type: "usage_limit_reached", resets_in_seconds: 90 } }),
      inMs({}, { error: { type: "usage_limit_reached", resets_at: nowMs / 1_000 + 60 } }),
      inMs({}, { error: { code: 429, status: "RESOURCE_EXHAUSTED", details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "37s" }] } }),
      inMs({}, { type: "error", error: { message: "You have reached your API usage limits. You will regain access on 2026-01-02 at 06:00 UTC." } }),
      inMs({}, { error: { code: 429, metadata: { headers: { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(nowMs + 5_000) } } } }),
    ],
    [90_000, 60_000, 37_000, 30 * 3_600_000, 5_000],
  );
});
