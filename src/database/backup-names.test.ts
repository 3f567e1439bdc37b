import assert from "node:assert/strict";
import { test } from "node:test";
import { isLeftOut, isPartLeftOut, pathFault } from "./backup-names.ts";

test("what git or a program would run is in no backup, neither as it is written nor as it is read", () => {
  for (const path of [".git/hooks", "node_modules", "tools/node_modules", ".git/index.lock"]) assert.equal(isLeftOut(path), true, path);
  for (const path of [".git/hooks/post-commit", ".GIT/hooks/post-commit", ".git/hooks/a/b", "node_modules/x/index.js", ".git/refs/heads/main.lock"])
    assert.equal(isPartLeftOut(path), true, path);
  for (const path of [".git/config", ".git/HEAD", "brain/hooks/post-commit", "PLAYBOOK.md", "yarn.lock", "goals/node_modules.md"])
    assert.deepEqual([isPartLeftOut(path), pathFault(path)], [false, undefined], path);
});
