import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { readSettings } from "#src/settings/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { modelPort } from "#src/main-models.ts";

test("a provider that was applied is used by the very next call, and one that was taken away by none", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const apply = (more: string) => {
    const files = filesOf({ ...SOUND_FILES, "loop.yaml": SOUND_FILES["loop.yaml"] + more });
    return applyFiles(db, clock, { files, author: "system", note: "test" });
  };
  await apply("");
  const workspaces = createWorkspaceView(db);
  const settings = readSettings({ env: {}, home: "/nowhere", isRoot: false });
  const secrets = { resolve: () => Promise.reject(new LoopError("secret_unavailable", "There is none.")) } as never;
  const port = await modelPort({ settings, env: {}, secrets, workspaces });
  const call = { model: "mine:small", system: "", messages: [{ role: "user", content: "Hello" }], tools: [], maxOutputTokens: 10 } as never;
  const says = async () => {
    const result = await port.generate(call, { signal: AbortSignal.timeout(10_000) });
    return result.kind === "failed" ? result.failure.reason : result.kind;
  };
  assert.equal(await says(), "bad_request");
  await apply('providers: { mine: { wire: openai, apiKey: "secret:mine" } }\n');
  await workspaces.current(); // as every run does before it calls a model
  assert.equal(await says(), "not_authorised"); // it is known; its key is what is missing
  await apply("");
  await workspaces.current();
  assert.equal(await says(), "bad_request");
});

test("a key that a file names is used whatever LOOP_MODEL says; one that only lies in the environment is not", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const seen: (string | undefined)[] = [];
  const provider = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(400, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  t.after(() => provider.close().closeAllConnections());
  await once(provider, "listening");
  const baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;
  const listed = `providers:\n  proxy: { wire: openai-compatible, baseUrl: "${baseUrl}", apiKey: "secret:env:PROXY_KEY" }\n`;
  await applyFiles(db, clock, { files: filesOf({ ...SOUND_FILES, "loop.yaml": SOUND_FILES["loop.yaml"] + listed }), author: "system", note: "test" });
  const workspaces = createWorkspaceView(db);
  const settings = readSettings({ env: {}, home: "/nowhere", isRoot: false });
  const values: Readonly<Record<string, string>> = { "secret:env:PROXY_KEY": "key-of-the-proxy", "secret:env:OPENAI_API_KEY": "key-that-lies-about" };
  const secrets = { resolve: (reference: string) => Promise.resolve(values[reference]) } as never;
  const port = await modelPort({ settings, env: {}, secrets, workspaces });
  const call = (model: string) =>
    port.generate({ model, system: "", messages: [{ role: "user", text: "Hello" }], tools: [], maxOutputTokens: 10 } as never, {
      signal: AbortSignal.timeout(10_000),
    });
  await call("proxy:small");
  assert.deepEqual(seen, ["Bearer key-of-the-proxy"]);
  const found = await call("openai:gpt-5-mini");
  assert.equal(found.kind === "failed" && found.failure.reason, "not_authorised");
});
