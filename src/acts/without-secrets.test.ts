import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "#src/kernel/redaction.ts";
import { modelWithout } from "./without-secrets.ts";

const SECRET = "sk-canary-0123456789";

/** What a watcher hears and what is kept, of a model that says this in these pieces. */
async function said(pieces: readonly string[], object: object | null = null) {
  const redactor = createRedactor();
  redactor.learn(SECRET);
  const usage = { input: 1, cached: 0, output: 1, reasoning: 0, costUsd: null };
  const toolCalls = [{ callId: "c1", name: "http.post", args: { body: SECRET } }];
  const answer = { text: pieces.join(""), object: object as never, toolCalls, finish: "stop" as const, usage, modelId: "m" };
  const port = modelWithout(
    {
      generate(_call, { onText }) {
        for (const piece of pieces) onText?.(piece);
        return Promise.resolve({ kind: "answered", answer });
      },
    },
    redactor,
  );
  const heard: string[] = [];
  const result = await port.generate({} as never, { signal: new AbortController().signal, onText: (delta) => heard.push(delta) });
  assert.ok(result.kind === "answered");
  return { heard, text: result.answer.text, object: result.answer.object, args: result.answer.toolCalls[0]!.args };
}

test("a model that says a known secret is kept, shown and answered without it; the arguments of its calls are left to be refused", async () => {
  const { text, object, args } = await said([`The key is ${SECRET}.`], { reasoning: [SECRET], [SECRET]: 1 });
  assert.deepEqual([text, object, args], ["The key is [secret].", { reasoning: ["[secret]"], "[secret]": 1 }, { body: SECRET }]);
});

test("a secret that comes in pieces is heard by nobody, and what is none is held back no longer than it may be one", async () => {
  const { heard } = await said(["The key is sk-", "canary-01", "23456789", ", and sk-", "iing is fun; sk-ca"]);
  assert.deepEqual(heard, ["The key is ", "", "[secret]", ", and ", "sk-iing is fun; ", "sk-ca"]);
});
