import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { providerSources } from "#src/main-models.ts";

test("a provider that was applied is used by the very next call, and one that was taken away by none", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const apply = (more: string) => {
    const files = filesOf({ ...SOUND_FILES, "loop.yaml": SOUND_FILES["loop.yaml"] + more });
    return applyFiles(db, clock, { files, author: "system", note: "test" });
  };
  await apply("");
  const workspaces = createWorkspaceView(db);
  const sources = await providerSources({ settings: { usesModel: false } as never, env: {}, secrets: {} as never, workspaces });
  assert.deepEqual(sources.providers, {});
  await apply('providers: { mine: { wire: openai, apiKey: "secret:mine" } }\n');
  await workspaces.current(); // as every run does before it calls a model
  assert.deepEqual(Object.keys(sources.providers), ["mine"]);
  await apply("");
  await workspaces.current();
  assert.deepEqual(sources.providers, {});
});
