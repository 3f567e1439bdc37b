import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { listFolder } from "./folder.ts";
import { readFolder } from "./load.ts";

async function folderWith(t: TestContext, texts: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright ünï "));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, Object.entries(texts));
  return folder;
}

const seen = async (folder: string) => (await listFolder(folder)).problems.map((problem) => `${problem.file}: ${problem.seen}`);

test("the files of a workspace are read, and nothing else in the folder", async (t) => {
  const others = {
    ".git/config": "x",
    ".env": "KEY=1",
    "goals/.draft.md": "x",
    "goals/README.md": "x",
    "tools/node_modules/a/index.js": "x",
    "reports/r.md": "x",
    "journal.md": "x",
    "samples/a.yaml": "x",
    "agents/desk.yaml~": "x",
  };
  const folder = await folderWith(t, { ...SOUND_FILES, ...others, "tools/search.ts": "export {};", "skills/fix-oven/references/deep/er.md": "x" });
  const files = await readFolder(folder);
  assert.deepEqual([...files.keys()].toSorted(), [...Object.keys(SOUND_FILES), "tools/search.ts", "skills/fix-oven/references/deep/er.md"].toSorted());
  assert.equal(Buffer.from(files.get("loop.yaml")!).toString(), SOUND_FILES["loop.yaml"]);
});

test("a link may give a file of the workspace a second name, and may not leave it or reach what is hidden", async (t) => {
  const outside = await folderWith(t, { "secret.md": "x" });
  const folder = await folderWith(t, { "PLAYBOOK.md": "x", ".env": "KEY=1", "goals/a.md": "a" });
  await symlink("../PLAYBOOK.md", join(folder, "goals/inside.md"));
  assert.deepEqual([...(await readFolder(folder)).keys()], ["PLAYBOOK.md", "goals/a.md", "goals/inside.md"]);

  await symlink(join(outside, "secret.md"), join(folder, "goals/out.md"));
  await symlink(outside, join(folder, "skills"));
  await symlink("../.env", join(folder, "goals/env.md"));
  await symlink("../goals", join(folder, "goals/loop"));
  await symlink("nowhere", join(folder, "goals/broken.md"));
  assert.deepEqual(await seen(folder), [
    "goals/broken.md: a link to nothing",
    "goals/env.md: a link to a hidden file",
    "goals/loop: a link to a folder",
    "goals/out.md: a link that leaves the workspace",
    "skills: a link that leaves the workspace",
  ]);
  await assert.rejects(readFolder(folder), {
    code: "workspace_invalid",
    message: /^5 problems in the workspace:\n {2}goals\/broken\.md:1:1: seen a link to nothing\. Expected a file/,
  });
});

test("a file over a megabyte is refused by its size, without being read", async (t) => {
  const folder = await folderWith(t, { "PLAYBOOK.md": "", "goals/most.md": "a".repeat(1_048_576) });
  await truncate(join(folder, "PLAYBOOK.md"), 5_000_000_000);
  await writeFile(join(folder, "goals/over.md"), "a".repeat(1_048_577));
  assert.deepEqual(await seen(folder), ["PLAYBOOK.md: a file of 5000000000 bytes", "goals/over.md: a file of 1048577 bytes"]);
});

test("more files than a workspace may have are refused", async (t) => {
  const folder = await folderWith(t, { "goals/first.md": "" });
  execFileSync("sh", ["-c", "cd goals && seq -f %g.md 1 10000 | xargs touch"], { cwd: folder });
  assert.deepEqual(await seen(folder), ["loop.yaml: a workspace of more than 10000 files"]);
});

test("a pipe in the folder does not make the reader wait", async (t) => {
  const folder = await folderWith(t, { "goals/a.md": "a" });
  execFileSync("mkfifo", [join(folder, "goals/pipe.md")]);
  await symlink("pipe.md", join(folder, "goals/link.md"));
  assert.deepEqual([...(await readFolder(folder)).keys()], ["goals/a.md"]);
});

test("a name at the top that was surely meant to be another is told, since what is in it would not apply", async (t) => {
  const folder = await folderWith(t, {
    "policy/a.yaml": "x",
    "Agents/a.yaml": "x",
    "polices/a.yaml": "x",
    "loop.yml": "x",
    "playbook.md": "x",
    "docs/a.md": "x",
    "test/a.md": "x",
  });
  assert.deepEqual(await seen(folder), [
    "Agents: a name that is not read",
    "loop.yml: a name that is not read",
    "playbook.md: a name that is not read",
    "polices: a name that is not read",
    "policy: a name that is not read",
  ]);
});

test("names that a Mac writes in pieces are the names that others write whole", async (t) => {
  const folder = await folderWith(t, { [`goals/${"caf\u00e9".normalize("NFD")}.md`]: "x" });
  assert.deepEqual([...(await readFolder(folder)).keys()], ["goals/caf\u00e9.md"]);
});

test("folders nested too deep, and no folder at all, are told", async (t) => {
  const folder = await folderWith(t, { "goals/1/2/3/4/5/6/7/8/9.md": "x", "PLAYBOOK.md": "x" });
  assert.deepEqual(await seen(folder), ["goals/1/2/3/4/5/6/7/8: folders nested more than 8 deep"]);
  await assert.rejects(readFolder(join(folder, "none")), { code: "workspace_invalid", message: /cannot be opened \(ENOENT\)\. Make one with `loop init`/ });
  await assert.rejects(readFolder(join(folder, "PLAYBOOK.md")), { code: "workspace_invalid", message: /cannot be opened \(ENOTDIR\)/ });
});
