import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { watchWorld } from "./watch.ts";

test("a hundred waiters share each look, and nobody looks when the last one has gone", async (t) => {
  const { db } = await testDatabase(t);
  const parsed = parseWorkspace(filesOf(SOUND_FILES));
  assert.ok(parsed.kind === "ok");
  const { workspace } = parsed;
  let looks = 0;
  let tell = (): void => undefined;
  const deps = {
    db,
    log: silentLog,
    workspaces: { current: () => Promise.resolve(((looks += 1), { revision: 1, workspace })), at: () => Promise.resolve(workspace) },
    onChange: (look: () => void) => {
      tell = look;
      return () => (tell = () => undefined);
    },
  };
  const CHANGES = 5;
  const seen = Array.from({ length: 100 }, () => 0);
  const all = Promise.all(seen.map((_, index) => watchWorld(deps, AbortSignal.timeout(20_000), () => (seen[index]! += 1) > CHANGES)));
  for (let change = 0; change < CHANGES; change += 1) {
    const before = Math.min(...seen);
    for (const until = performance.now() + 5_000; performance.now() < until && Math.min(...seen) === before;) {
      tell();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await all;
  assert.ok(looks <= 5 * CHANGES, `${looks} looks for 100 waiters and ${CHANGES} changes`);
  const rest = looks;
  tell();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(looks, rest);
});

test("a waiter whose connection is gone ends, and the others wait on", async (t) => {
  const { db } = await testDatabase(t);
  const parsed = parseWorkspace(filesOf(SOUND_FILES));
  assert.ok(parsed.kind === "ok");
  const { workspace } = parsed;
  const deps = { db, log: silentLog, workspaces: { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) } };
  const gone = new AbortController();
  const other = new AbortController();
  const ended: string[] = [];
  const first = watchWorld(deps, gone.signal, () => false).then(() => ended.push("first"));
  const second = watchWorld(deps, other.signal, () => false).then(() => ended.push("second"));
  gone.abort();
  await first;
  assert.deepEqual(ended, ["first"]);
  other.abort();
  await second;
  await watchWorld(deps, AbortSignal.abort(), () => assert.fail("nobody is shown anything"));
});
