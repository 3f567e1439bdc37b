import assert from "node:assert/strict";
import { test } from "node:test";
import { listPrincipals } from "#src/people/store/principals.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { followRevision } from "./effect.ts";

test("several processes that follow a revision at once make each person once, and none of them fails", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  await applyFiles(db, clock, { files: filesOf(SOUND_FILES), author: "system", note: "test" });
  const followed = await Promise.all(Array.from({ length: 5 }, () => followRevision(db, clock, createWorkspaceView(db))));
  assert.deepEqual(followed, [1, 1, 1, 1, 1]);
  assert.deepEqual((await listPrincipals(db)).map((principal) => principal.handle).toSorted(), ["ana", "rui"]);
});
