import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelFailure } from "#src/acts/ports/model-port.ts";
import { VendorError } from "./answer.ts";
import { failureOf } from "./failure.ts";

const nowMs = Date.UTC(2026, 0, 1);

const emptyRecord = {
  requests: 1,
  wantedMore: false,
  status: undefined,
  headers: undefined,
  errorBody: "",
  webPage: false,
  networkError: undefined,
  broken: false,
  receivedBytes: 0,
  thinking: false,
  ended: undefined,
};

function failure(status: number, error: object | string, headers: Record<string, string> = {}): ModelFailure {
  const record = { ...emptyRecord, status, headers: new Headers(headers), errorBody: JSON.stringify(typeof error === "string" ? { error } : error) };
  return failureOf(new Error("status"), { record, provider: "mine", hidden: [], nowMs });
}

test("each vendor's way of saying it has its reason", () => {
  const said: [number, object | string, Record<string, string>, ModelFailure["reason"]][] = [
    [429, { error: { code: "insufficient_quota", message: "You exceeded your current quota" } }, {}, "usage_limit"],
    [400, { type: "error", error: { type: "invalid_request_error", message: "Your credit balance is too low to access the API" } }, {}, "usage_limit"],
    [402, { error: { code: 402, message: "Insufficient credits" } }, {}, "usage_limit"],
    [429, { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "You exceeded your current quota" } }, {}, "rate_limited"],
    [400, { error: { code: 400, status: "INVALID_ARGUMENT", message: "API key not valid", details: [{ reason: "API_KEY_INVALID" }] } }, {}, "not_authorised"],
    [403, { error: { code: 403, message: "Your input was flagged", metadata: { reasons: ["violence"] } } }, {}, "refused"],
    [403, { message: "The security token is expired" }, { "x-amzn-errortype": "ExpiredTokenException:http://x" }, "not_authorised"],
    [400, { message: "Input is too long for requested model." }, { "x-amzn-errortype": "ValidationException" }, "context_too_long"],
    [429, { message: "Too many tokens, please wait" }, { "x-amzn-errortype": "ThrottlingException" }, "rate_limited"],
    [400, { error: { code: "context_length_exceeded", message: "too much" } }, {}, "context_too_long"],
    [400, { error: { message: "This model's maximum context length is 8192 tokens" } }, {}, "context_too_long"],
    [400, { error: { code: 400, message: "The input token count (2000000) exceeds the maximum number of tokens allowed" } }, {}, "context_too_long"],
    [400, "the request exceeds the available context size", {}, "context_too_long"],
    [413, { error: { type: "request_too_large", message: "Request too large" } }, {}, "context_too_long"],
    [404, 'model "llama9" not found, try pulling it first', {}, "bad_request"],
    [422, { detail: "field required" }, {}, "bad_request"],
    [529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, {}, "overloaded"],
    [503, { error: { code: 503, status: "UNAVAILABLE" } }, {}, "overloaded"],
    [408, {}, {}, "timed_out"],
    [504, {}, {}, "timed_out"],
    [502, {}, {}, "server_error"],
    [418, {}, {}, "bad_request"],
  ];
  assert.deepEqual(
    said.map(([status, error, headers]) => failure(status, error, headers).reason),
    said.map(([, , , reason]) => reason),
  );
});

test("a plan's limit may be tried again, at its stated end where it has one; an account without money may not", () => {
  const brief = ({ reason, retryable, retryAtMs }: ModelFailure) => ({ reason, retryable, inMs: retryAtMs === null ? null : retryAtMs - nowMs });
  assert.deepEqual(
    [
      brief(failure(429, { error: { type: "usage_limit_reached", resets_in_seconds: 3_600 } })),
      brief(failure(400, { error: { type: "invalid_request_error", message: "You have reached your limits. You will regain access on 2026-01-02." } })),
      brief(failure(429, { error: { type: "usage_limit_reached" } }, { "retry-after": "20" })),
      brief(failure(429, { error: { type: "usage_limit_reached", message: "usage limit reached" } })),
      brief(failure(429, { error: { code: "insufficient_quota" } }, { "retry-after": "20" })),
    ],
    [
      { reason: "usage_limit", retryable: true, inMs: 3_600_000 },
      { reason: "usage_limit", retryable: true, inMs: 86_400_000 },
      { reason: "usage_limit", retryable: true, inMs: 20_000 },
      { reason: "usage_limit", retryable: true, inMs: null },
      { reason: "usage_limit", retryable: false, inMs: null },
    ],
  );
});

test("the message holds what the provider said, on one line", () => {
  assert.equal(failure(404, 'model "llama9" not found,\n try pulling it').message, 'mine answered 404: model "llama9" not found, try pulling it');
});

test("a body that could not be read is repeated nowhere, and its words are no reason", () => {
  const record = { ...emptyRecord, status: 200, headers: new Headers() };
  const body = 'prompt is too long; regain access on 2026-01-02; {"secret":';
  const cause = Object.assign(new Error(`JSON parsing failed: Text: ${body}`), { name: "AI_JSONParseError", text: body });
  const api = Object.assign(new Error("Invalid JSON response", { cause }), { name: "AI_APICallError", statusCode: 200, responseBody: body });
  for (const told of [cause, api]) {
    const { reason, message } = failureOf(new VendorError("failed", { began: true, cause: told }), { record, provider: "mine", hidden: [], nowMs });
    assert.deepEqual({ reason, message }, { reason: "malformed", message: "mine sent an answer that could not be read." });
  }
});
