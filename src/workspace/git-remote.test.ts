import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gitRemote, remoteOf } from "./git-remote.ts";

test("every usual form of a remote names its host and repository, and never what stands before the @", () => {
  const web = { host: "github.com", repo: "acme/web" };
  for (const url of [
    "https://github.com/acme/web.git",
    "https://github.com/acme/web",
    "https://x:token@github.com/acme/web.git",
    "git@github.com:acme/web.git",
    "ssh://git@github.com:22/acme/web",
    "https://GitHub.com/acme/web/",
  ])
    assert.deepEqual(remoteOf(url), web, url);
  for (const url of ["/srv/git/web.git", "../web", "https://github.com/acme", "https://github.com/acme/web/more", ""])
    assert.equal(remoteOf(url), undefined, url);
});

test("the remote is read of the folder itself, and there may be none", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-remote-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  assert.equal(await gitRemote(folder), undefined);
  await mkdir(join(folder, ".git"));
  await writeFile(
    join(folder, ".git", "config"),
    '[core]\n\tbare = false\n[remote "other"]\n\turl = https://github.com/evil/web\n[remote "origin"]\n\tfetch = +refs\n\turl = git@github.com:acme/web.git\n[branch "main"]\n\turl = x\n',
  );
  assert.deepEqual(await gitRemote(folder), { host: "github.com", repo: "acme/web" });
});
