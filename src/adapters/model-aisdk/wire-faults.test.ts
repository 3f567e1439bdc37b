import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { ModelCall, ModelFailure, ModelResult } from "#src/acts/ports/model-port.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { fakeProvider, sendJson } from "./fake-provider.ts";
import { createModelPort, type ModelPortOptions } from "./model-port.ts";
import type { Wire } from "./providers.ts";

const KEY = "plain words as a key";
const call: ModelCall = { model: "mine:some-model", system: "", messages: [{ role: "user", text: "hello" }], tools: [], maxOutputTokens: 64 };
const signal = new AbortController().signal;

type Answer = (response: ServerResponse) => void;

async function askOf(t: TestContext, wire: Wire, how: Answer | ({ answer: Answer } & Partial<ModelPortOptions>)) {
  const { answer, ...more } = typeof how === "function" ? { answer: how } : how;
  const provider = await fakeProvider(t, answer);
  const clock = heldClock();
  const providers = { mine: { wire, baseUrl: provider.url, apiKey: "secret:key", region: "eu-west-1" } };
  const port = createModelPort({ providers: () => providers, secrets: async () => KEY, clock, ...more });
  return {
    provider,
    nowMs: clock.nowMs(),
    whole: () => port.generate(call, { signal }),
    streamed: (pieces: string[] = []) => port.generate(call, { signal, onText: (delta) => pieces.push(delta) }),
  };
}

function failureIn(result: ModelResult): ModelFailure {
  assert.equal(result.kind, "failed", JSON.stringify(result));
  return (result as Extract<ModelResult, { kind: "failed" }>).failure;
}

const events = (response: ServerResponse, ...data: unknown[]) => {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of data) {
    const type = (event as { type?: string }).type;
    response.write(`${type === undefined ? "" : `event: ${type}\n`}data: ${JSON.stringify(event)}\n\n`);
  }
};

/** What a wire sends of a streamed answer while the model thinks. */
const BEFORE_WORDS = {
  openai: (response: ServerResponse) => events(response, { type: "response.created", response: { id: "resp_1", created_at: 1, model: "some-model" } }),
  anthropic: (response: ServerResponse) =>
    events(response, {
      type: "message_start",
      message: { id: "msg_1", type: "message", role: "assistant", model: "some-model", content: [], usage: { input_tokens: 3, output_tokens: 1 } },
    }),
};

/** The beginning of an answer on each wire: enough for the text "Half an", and not its end. */
const BEGINNINGS: Record<Exclude<Wire, "bedrock">, (response: ServerResponse) => void> = {
  openai: (response) =>
    events(
      response,
      { type: "response.created", response: { id: "resp_1", created_at: 1, model: "some-model" } },
      { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "msg_1" } },
      { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: "Half an" },
    ),
  anthropic: (response) =>
    events(
      response,
      {
        type: "message_start",
        message: { id: "msg_1", type: "message", role: "assistant", model: "some-model", content: [], usage: { input_tokens: 9, output_tokens: 1 } },
      },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Half an" } },
    ),
  google: (response) => events(response, { candidates: [{ content: { role: "model", parts: [{ text: "Half an" }] }, index: 0 }] }),
  "openai-compatible": (response) => events(response, chatChunk({ content: "Half an" })),
  openrouter: (response) => events(response, chatChunk({ content: "Half an" })),
  ollama: (response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(`${JSON.stringify({ model: "some-model", message: { role: "assistant", content: "Half an" }, done: false })}\n`);
  },
};

const chatChunk = (delta: unknown, finish: string | null = null) => ({
  id: "chat_1",
  object: "chat.completion.chunk",
  created: 1,
  model: "some-model",
  choices: [{ index: 0, delta, finish_reason: finish }],
});

for (const wire of Object.keys(BEGINNINGS) as (keyof typeof BEGINNINGS)[]) {
  for (const [how, finish] of [
    ["breaks", (response: ServerResponse) => setImmediate(() => response.destroy())],
    ["ends quietly", (response: ServerResponse) => response.end()],
  ] as const) {
    test(`a stream that ${how} in the middle is a network failure, and what had come was told: ${wire}`, async (t) => {
      const ask = await askOf(t, wire, (response) => {
        BEGINNINGS[wire](response);
        finish(response);
      });
      const pieces: string[] = [];
      const { reason, retryable } = failureIn(await ask.streamed(pieces));
      assert.deepEqual({ reason, retryable, pieces: pieces.join("") }, { reason: "network", retryable: true, pieces: "Half an" });
      assert.equal(ask.provider.requests.length, 1);
    });
  }

  test(`silence in the middle of a stream ends it: ${wire}`, async (t) => {
    const ask = await askOf(t, wire, { answer: BEGINNINGS[wire], idleMs: 40 });
    const { reason, message } = failureIn(await ask.streamed());
    assert.deepEqual({ reason, message }, { reason: "timed_out", message: "mine fell silent in the middle of its answer." });
  });

  for (const [what, body, type] of [
    ["a web page", "<html><body>Sign in to the network</body></html>", "text/html; charset=utf-8"],
    ["an error body", '{"error":"try again later"}', "application/json"],
    ["nothing", "", "application/json"],
    ["half of a JSON text", '{"id":"x","choices":[{"mess', "application/json"],
  ] as const) {
    test(`a 200 with ${what} is malformed, whole and streamed: ${wire}`, async (t) => {
      const ask = await askOf(t, wire, (response) => void response.writeHead(200, { "content-type": type }).end(body));
      assert.deepEqual([failureIn(await ask.whole()).reason, failureIn(await ask.streamed()).reason], ["malformed", "malformed"]);
      assert.equal(ask.provider.requests.length, 2);
    });
  }
}

for (const wire of ["openai", "anthropic"] as const) {
  test(`a model that thinks longer than the idle limit before its first word is waited for, as long as the whole call may take: ${wire}`, async (t) => {
    const ask = await askOf(t, wire, {
      answer: (response) => {
        BEFORE_WORDS[wire](response);
        setTimeout(() => {
          BEGINNINGS[wire](response);
          response.end();
        }, 120);
      },
      idleMs: 20,
    });
    const pieces: string[] = [];
    assert.deepEqual([failureIn(await ask.streamed(pieces)).reason, pieces.join("")], ["network", "Half an"]); // it broke off after its words, not before
    const never = await askOf(t, wire, { answer: BEFORE_WORDS[wire], idleMs: 20, timeoutMs: 150 });
    assert.equal(failureIn(await never.streamed()).reason, "timed_out");
  });
}

for (const [wire, beginning] of Object.entries(BEGINNINGS) as [keyof typeof BEGINNINGS, (typeof BEGINNINGS)["openai"]][]) {
  test(`an abort in the middle of a stream ends the connection and tells nothing more: ${wire}`, async (t) => {
    const closed = Promise.withResolvers<void>();
    const provider = await fakeProvider(t, (response) => {
      response.on("close", () => closed.resolve());
      beginning(response);
    });
    const port = createModelPort({
      providers: () => ({ mine: { wire, baseUrl: provider.url, apiKey: "secret:key" } }),
      secrets: async () => KEY,
      clock: heldClock(),
    });
    const stop = new AbortController();
    const result = await port.generate(call, { signal: stop.signal, onText: () => stop.abort() });
    assert.equal(failureIn(result).reason, "aborted");
    await closed.promise;
  });
}

test("an error told inside a stream has its own reason", async (t) => {
  const overloaded = await askOf(t, "anthropic", (response) => {
    BEGINNINGS.anthropic(response);
    events(response, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
    response.end();
  });
  const atOnce = await askOf(t, "anthropic", (response) => {
    events(response, { type: "error", error: { type: "rate_limit_error", message: "Slow down" } });
    response.end();
  });
  const noMoney = await askOf(t, "openai", (response) => {
    BEGINNINGS.openai(response);
    const error = { code: "insufficient_quota", message: "You exceeded your current quota" };
    events(response, { type: "response.failed", sequence_number: 4, response: { error, incomplete_details: null, usage: null } });
    response.end();
  });
  const busy = await askOf(t, "openrouter", (response) => {
    BEGINNINGS.openrouter(response);
    events(response, { ...chatChunk({ content: "" }, "error"), error: { code: 503, message: "Provider disconnected" } });
    response.end();
  });
  const compatible = await askOf(t, "openai-compatible", (response) => {
    events(response, { error: { message: "context length exceeded", type: "invalid_request_error", code: "context_length_exceeded" } });
    response.end();
  });
  const reasons = [];
  for (const ask of [overloaded, atOnce, noMoney, busy, compatible]) reasons.push(failureIn(await ask.streamed()).reason);
  assert.deepEqual(reasons, ["overloaded", "rate_limited", "usage_limit", "overloaded", "context_too_long"]);
});

test("a call that takes longer than its limit is ended, before and after the headers", async (t) => {
  const silent = await askOf(t, "openai", { answer: () => {}, timeoutMs: 40 });
  const slow = await askOf(t, "anthropic", { answer: BEGINNINGS.anthropic, timeoutMs: 40 });
  assert.deepEqual([failureIn(await silent.whole()).reason, failureIn(await slow.streamed()).reason], ["timed_out", "timed_out"]);
});

test("a secret that does not come is bound by the same limit", async () => {
  const port = createModelPort({ providers: () => ({}), secrets: () => new Promise(() => {}), clock: heldClock(), timeoutMs: 20 });
  assert.equal(failureIn(await port.generate({ ...call, model: "openai:gpt-5" }, { signal })).reason, "timed_out");
});

test("a whole answer whose connection breaks is a network failure", async (t) => {
  const ask = await askOf(t, "anthropic", (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
    response.write('{"id":"msg_1"');
    setImmediate(() => response.destroy());
  });
  const { reason, message } = failureIn(await ask.whole());
  assert.deepEqual({ reason, message }, { reason: "network", message: "The connection to mine broke after 13 bytes of the answer." });
});

test("a web page is called one", async (t) => {
  const ask = await askOf(t, "openai", (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
  assert.equal(failureIn(await ask.whole()).message, "mine answered with a web page. Check its base URL, and what stands between.");
});

test("nothing is told after an abort, even when more had come", async (t) => {
  const provider = await fakeProvider(t, (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(["one", "two", "three"].map((content) => `data: ${JSON.stringify(chatChunk({ content }))}\n\n`).join(""));
  });
  const providers = { mine: { wire: "openai-compatible", baseUrl: provider.url } } as const;
  const port = createModelPort({ providers: () => providers, secrets: async () => undefined, clock: heldClock() });
  const stop = new AbortController();
  const pieces: string[] = [];
  const onText = (delta: string) => {
    pieces.push(delta);
    stop.abort();
  };
  assert.equal(failureIn(await port.generate(call, { signal: stop.signal, onText })).reason, "aborted");
  await new Promise(setImmediate);
  assert.deepEqual(pieces, ["one"]);
});

test("a redirect is not followed: the key goes nowhere else", async (t) => {
  const elsewhere = await fakeProvider(t, (response) => sendJson(response, {}));
  const ask = await askOf(t, "anthropic", (response) => void response.writeHead(307, { location: `${elsewhere.url}/v1/messages` }).end());
  const failure = failureIn(await ask.whole());
  assert.deepEqual([failure.reason, elsewhere.requests.length], ["bad_request", 0]);
  assert.match(failure.message, /redirect, which is not followed/);
});

test("nobody there is a network failure with the system's word for it", async () => {
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const baseUrl = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  gone.close();
  await once(gone, "close");
  const port = createModelPort({ providers: () => ({ mine: { wire: "ollama", baseUrl } }), secrets: async () => undefined, clock: heldClock() });
  const failure = failureIn(await port.generate(call, { signal }));
  const usage = { input: 0, cached: 0, output: 0, reasoning: 0, costUsd: 0 }; // nobody was asked, so nobody charges
  assert.deepEqual(failure, { reason: "network", message: "mine could not be reached (ECONNREFUSED).", retryable: true, retryAtMs: null, usage });
});

test("a key that the provider repeats is not shown, and text that is not JSON is not shown at all", async (t) => {
  const echo = await askOf(t, "openai", (response) =>
    sendJson(response, { error: { message: `Incorrect API key: ${KEY}, or sk-proj-******ghij.\nSee the page`, code: "invalid_api_key" } }, { status: 401 }),
  );
  const plain = await askOf(t, "anthropic", (response) => void response.writeHead(500, { "content-type": "text/plain" }).end(`stack trace with ${KEY}`));
  assert.deepEqual(
    [failureIn(await echo.whole()), failureIn(await plain.streamed())],
    [
      {
        reason: "not_authorised",
        message: "mine answered 401: Incorrect API key: [secret], or [secret] See the page",
        retryable: false,
        retryAtMs: null,
        usage: null,
      },
      { reason: "server_error", message: "mine answered 500", retryable: true, retryAtMs: null, usage: null },
    ],
  );
});

test("a message is cut at 300 characters", async (t) => {
  const ask = await askOf(t, "openai", (response) => sendJson(response, { error: { message: "x".repeat(5_000) } }, { status: 400 }));
  assert.equal(failureIn(await ask.whole()).message.length, 300);
});

test("the time of the next try is read from the vendors' headers, and an empty account has none", async (t) => {
  const ask = async (headers: Record<string, string>, error: object = { message: "Slow down" }) => {
    const { whole, nowMs } = await askOf(t, "anthropic", (response) => sendJson(response, { error }, { status: 429, headers }));
    const { retryAtMs, retryable } = failureIn(await whole());
    return { inMs: retryAtMs === null ? null : retryAtMs - nowMs, retryable };
  };
  assert.deepEqual(
    [
      await ask({ "retry-after": "Thu, 01 Jan 2026 00:00:20 GMT" }),
      await ask({ "anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2026-01-01T00:01:00Z" }),
      await ask({ "retry-after": "20" }, { message: "You exceeded your current quota", code: "insufficient_quota" }),
    ],
    [
      { inMs: 20_000, retryable: true },
      { inMs: 60_000, retryable: true },
      { inMs: null, retryable: false },
    ],
  );
});

test("an answer that breaks off inside a line of JSON is not printed", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const ask = await askOf(t, "ollama", (response) => {
    BEGINNINGS.ollama(response);
    response.end('{"model":"some-model","message":{"role":"assistant","content":"a secr');
  });
  assert.equal(failureIn(await ask.streamed()).reason, "network");
  assert.equal(warn.mock.callCount(), 0);
});
