import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { LoopError } from "#src/kernel/errors.ts";
import { embedderSuite } from "#src/testing/embedder.suite.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { createEmbedder, type EmbedderOptions } from "./embedder.ts";
import { type FakeRequest, fakeProvider, sendJson } from "./fake-provider.ts";
import type { Wire } from "./providers.ts";

const signal = new AbortController().signal;

function options(url: string, more: Partial<EmbedderOptions> & { wire?: Wire } = {}): EmbedderOptions {
  const { wire = "openai-compatible", ...rest } = more;
  const providers = { mine: { wire, baseUrl: url, apiKey: "secret:key", region: "eu-west-1" } };
  return { providers: () => providers, secrets: async () => "a-key", clock: heldClock(), model: "mine:some-embedder", ...rest };
}

/** Answers as OpenAI's wire does, with a vector that depends on the text. */
const vectors = (response: ServerResponse, { body }: FakeRequest) => {
  const { input } = JSON.parse(body) as { input: string[] };
  sendJson(response, { object: "list", model: "m", data: input.map((text, index) => ({ object: "embedding", index, embedding: [text.length, 4, 0] })) });
};

embedderSuite({ name: "of a provider", subject: async (t) => createEmbedder(options((await fakeProvider(t, vectors)).url)) });

test("vectors come back in order, of unit length, 96 texts a request", async (t) => {
  const provider = await fakeProvider(t, vectors);
  const embedder = await createEmbedder(options(provider.url, { dimensions: 3 }));
  const texts = Array.from({ length: 200 }, (_, index) => "x".repeat(index));
  const found = await embedder.embed(texts, signal);
  assert.deepEqual(
    found.map((vector) => [...vector].map((number) => number.toFixed(4))),
    texts.map((text) => {
      const first = text.length || 1; // an empty text goes out as a space
      const length = Math.hypot(first, 4);
      return [first / length, 4 / length, 0].map((number) => number.toFixed(4));
    }),
  );
  assert.deepEqual(
    provider.requests.map(({ body }) => JSON.parse(body).input.length),
    [96, 96, 8],
  );
  assert.deepEqual(await embedder.embed([], signal), []);
});

test("its id names the model and its dimensions, which are asked for once where they are not known", async (t) => {
  const provider = await fakeProvider(t, vectors);
  const asked = await createEmbedder(options(provider.url));
  const known = await createEmbedder(options(provider.url, { model: "mine:text-embedding-3-small" }));
  const chosen = await createEmbedder(options(provider.url, { model: "mine:text-embedding-3-small", dimensions: 512 }));
  const ids = [asked, known, chosen].map(({ id, dimensions }) => ({ id, dimensions }));
  assert.deepEqual(ids, [
    { id: "mine:some-embedder@3", dimensions: 3 },
    { id: "mine:text-embedding-3-small@1536", dimensions: 1_536 },
    { id: "mine:text-embedding-3-small@512", dimensions: 512 },
  ]);
  assert.equal(provider.requests.length, 1);
});

test("what cannot be used is embedder_unavailable, with the reason and never the key", async (t) => {
  const said = async (answer: Parameters<typeof fakeProvider>[1], more: Parameters<typeof options>[1] = {}) => {
    const provider = await fakeProvider(t, answer);
    const error = await createEmbedder(options(provider.url, { dimensions: 3, ...more })).then((embedder) =>
      embedder.embed(["one", "two"], signal).then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    );
    assert.ok(error instanceof LoopError && error.code === "embedder_unavailable", String(error));
    return [error.message, error.facts["reason"] ?? null];
  };
  const list = (...data: number[][]) => ({ object: "list", model: "m", data: data.map((embedding, index) => ({ index, embedding })) });
  assert.deepEqual(
    [
      await said((response) => sendJson(response, { error: { message: "bad key a-key-long" } }, { status: 401 })),
      await said((response) => sendJson(response, list([1, 0, 0]))),
      await said((response) => sendJson(response, list([1, 0], [0, 1]))),
      await said((response) => sendJson(response, list([1, 0, 0], [0, 0, 0]))),
      await said(() => {}, { timeoutMs: 30 }),
      await said(vectors, { wire: "anthropic" }),
    ],
    [
      ["mine answered 401: bad key a-key-long", "not_authorised"],
      ["mine:some-embedder gave 1 vectors for 2 texts.", null],
      ["mine:some-embedder gave vectors of 2 numbers; 3 were expected. Set its dimensions, and index anew.", null],
      ["mine:some-embedder gave a vector without a direction.", null],
      ["mine had not finished its answer within the time limit.", "timed_out"],
      ['Provider "mine" has no embeddings. Name another embedder in loop.yaml.', null],
    ],
  );
});

async function mockProvider(t: TestContext): Promise<LLMock> {
  const mock = new LLMock({ port: 0, logLevel: "silent" });
  await mock.start();
  t.after(() => mock.stop());
  return mock;
}

for (const [wire, path] of [
  ["openai", "/v1"],
  ["openai-compatible", "/v1"],
  ["openrouter", "/api/v1"],
] as const) {
  test(`the ${wire} wire embeds`, async (t) => {
    const mock = await mockProvider(t);
    mock.onEmbedding(/.*/, { embedding: [3, 4] });
    const embedder = await createEmbedder(options(mock.url + path, { wire }));
    assert.deepEqual([embedder.dimensions, await embedder.embed(["a", "b"], signal)], [2, [Float32Array.of(0.6, 0.8), Float32Array.of(0.6, 0.8)]]);
  });
}

test("the wires whose vendors have their own words embed too, with the dimensions that were asked for", async (t) => {
  const vector = Array.from({ length: 256 }, (_, index) => (index === 0 ? 3 : index === 1 ? 4 : 0));
  const answers: Record<string, unknown> = {
    "/v1beta/models/e:batchEmbedContents": { embeddings: [{ values: vector }, { values: vector }] },
    "/api/embed": { model: "e", embeddings: [vector] },
    "/model/e/invoke": { embedding: vector, inputTextTokenCount: 1 },
  };
  const provider = await fakeProvider(t, (response, { path }) => sendJson(response, answers[path], answers[path] ? {} : { status: 404 }));
  for (const wire of ["google", "ollama", "bedrock"] as const) {
    const embedder = await createEmbedder(options(provider.url, { wire, model: "mine:e", dimensions: 256 }));
    const found = await embedder.embed(["a", "b"], signal);
    assert.deepEqual(
      found.map((unit) => [unit.length, unit[0]?.toFixed(2), unit[1]?.toFixed(2)]),
      [
        [256, "0.60", "0.80"],
        [256, "0.60", "0.80"],
      ],
      wire,
    );
  }
  const asked = provider.requests.map(({ path, body }) => [path, /256/.test(body)]);
  assert.deepEqual(asked, [
    ["/v1beta/models/e:batchEmbedContents", true],
    ["/api/embed", true],
    ["/api/embed", true],
    ["/model/e/invoke", true],
    ["/model/e/invoke", true],
  ]);
});
