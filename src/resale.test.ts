import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { createModelPort } from "#src/adapters/model-aisdk/model-port.ts";
import { serviceFixture } from "#src/http/service-fixture.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { catalogueTools } from "#src/testing/catalogue-tools.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { WORKSPACES_FOLDER } from "#src/testing/desk.ts";
import { type ProviderAnswer, submissionModel } from "#src/testing/submission-model.ts";
import { readFolder } from "#src/workspace/load.ts";

/** The sample as it stands, with a model over a real wire; `answer` sees what the provider gets. */
async function resale(t: TestContext, answer: (request: Asked) => ProviderAnswer) {
  const mock = new LLMock({ port: 0, logLevel: "silent", chunkSize: 64 });
  await mock.start();
  t.after(() => mock.stop());
  mock.on({ endpoint: "chat" }, ((request: Asked) => answer(request)) as unknown as Parameters<LLMock["on"]>[1]);
  const port = createModelPort({
    providers: () => ({ anthropic: { wire: "anthropic", baseUrl: mock.url, apiKey: "secret:model", region: undefined } }),
    secrets: (reference) => Promise.resolve(reference === "secret:model" ? "sk-test" : undefined),
    clock: heldClock(),
  });
  return serviceFixture(t, { files: await readFolder(`${WORKSPACES_FOLDER}/resale`), model: port, tools: await catalogueTools(t) });
}

interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: Json }[];
}

const all = ({ messages }: Asked): string => JSON.stringify(messages);

test("the decision is one of the options over a real wire, and no option at all when the model will not choose one", async (t) => {
  let says = { decision: "repair", reasoning: "it still works" };
  const { call } = await resale(t, () => ({ content: JSON.stringify(says) }));
  const body = { prompt: "Where does it go?", options: "sell, repair, recycle", item_context: { name: "drill" } };
  const good = await call("/loopos_ai_decision", body);
  assert.deepEqual([good.status, good.body], [200, says]);
  says = { decision: "burn", reasoning: "I want to" };
  const bad = await call("/loopos_ai_decision", { ...body, prompt: "And this one?" });
  assert.deepEqual([bad.status, bad.body.code, bad.body.output], [502, "no_decision", undefined]);
});

test("a translation has every key for every locale, or there is none", async (t) => {
  const full = { translations: { context: "shop", data: { fr: { a: "un", b: "deux" }, de: { a: "eins", b: "zwei" } } } };
  let says: Json = full;
  const { call } = await resale(t, () => ({ content: JSON.stringify(says) }));
  const body = { source_locale: "en", target_locales: ["fr", "de"], context: "shop", data: { a: "one", b: "two" } };
  const good = await call("/loopos_ai_translator", body);
  assert.deepEqual([good.status, good.body], [200, full]);
  says = { translations: { context: "shop", data: { fr: { a: "un", b: "deux" }, de: { a: "eins" } } } };
  const bad = await call("/loopos_ai_translator", { ...body, context: "other" });
  assert.deepEqual([bad.status, bad.body.code], [502, "output_unusable"]);
});

test("the submission goes from product to options to item to questions, each by the agent for it, and the item is created once", async (t) => {
  const { call } = await resale(t, (request) => submissionModel(all(request)));
  const answer = await call("/submission", { session_id: "s", messages: [{ role: "user", text: "I have a Bosch drill, used, with its box" }] });
  assert.deepEqual([answer.status, answer.body], [200, [{ text: "Does it switch on?", role: "assistant", html: "<p>Does it switch on?</p>" }]]);
});
