import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";
import { heldClock } from "#src/testing/held-clock.ts";

test("a server without models loads no vendor's library, and a call loads only its own", async (t) => {
  const loaded = new Set<string>();
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const vendor = /node_modules\/((?:@ai-sdk|@openrouter)\/[^/]+|ai|ai-sdk-ollama)\//.exec(found.url)?.[1];
      if (vendor) loaded.add(vendor);
      return found;
    },
  });
  t.after(() => hooks.deregister());

  const { createModelPort } = await import("./model-port.ts");
  await import("./embedder.ts");
  const port = createModelPort({
    providers: () => ({}),
    secrets: async () => "a-key",
    clock: heldClock(),
    fetch: async () => Response.json({}, { status: 500 }),
  });
  assert.deepEqual([...loaded], []);

  await port.generate(
    { model: "anthropic:m", system: "", messages: [{ role: "user", text: "hello" }], tools: [], maxOutputTokens: 1 },
    { signal: new AbortController().signal },
  );
  assert.deepEqual([...loaded], ["@ai-sdk/anthropic"]);
});
