import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensureCredentials } from "#src/people/credentials.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { requireSameWorkspace } from "./same-workspace.ts";

test("a home that a database does not know joins it with the workspace that is there, and with no other", async (t) => {
  const base = await mkdtemp(join(tmpdir(), "loopwright-same-"));
  t.after(() => rm(base, { recursive: true, force: true }));
  const folderOf = async (name: string, manifest: string): Promise<string> => {
    await writeFiles(join(base, name), Object.entries({ ...SOUND_FILES, "loop.yaml": manifest }));
    return join(base, name);
  };
  const ours = SOUND_FILES["loop.yaml"];
  const theirs = ours.replace(/^name: .*$/m, "name: somebody-else");
  assert.notEqual(ours, theirs);
  const [first, second] = [await folderOf("first", ours), await folderOf("second", theirs)];
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const credentials = join(base, "credentials.json");
  const strangers = join(base, "none.json");

  await requireSameWorkspace(db, { folder: second, credentials: strangers }); // nothing is in force yet
  await applyFolder(db, clock, { folder: first, author: "system", note: "first" });
  await requireSameWorkspace(db, { folder: first, credentials: strangers });
  await assert.rejects(requireSameWorkspace(db, { folder: second, credentials: strangers }), {
    code: "settings_invalid",
    message: /holds the workspace .* is somebody-else/,
  });
  await ensureCredentials(db, clock, { file: credentials, url: "", avoid: [] });
  await requireSameWorkspace(db, { folder: second, credentials }); // it was renamed, and waits for an apply
});
