import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findServer, isRunning, writeServerFile } from "./server-file.ts";

async function homeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-cli-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("the process that serves a home is found while it is there, by this account only, and not after it took that back", async (t) => {
  const home = await homeFolder(t);
  assert.equal(findServer(home), undefined);
  const takeBack = writeServerFile(home, "http://127.0.0.1:4747");
  assert.equal(findServer(home)?.processId, process.pid);
  assert.equal((await stat(join(home, "server.json"))).mode & 0o777, 0o600);
  takeBack();
  assert.equal(findServer(home), undefined);
});

test("a process that is gone, one of the same number that began later, and half a file are no server", async (t) => {
  const home = await homeFolder(t);
  const child = spawn(process.execPath, ["-e", "0"]);
  await once(child, "exit");
  assert.equal(isRunning({ processId: child.pid!, began: null, url: "" }), false);
  writeServerFile(home, "");
  const mine = JSON.parse(await readFile(join(home, "server.json"), "utf8")) as { began: string | null };
  if (mine.began !== null) assert.equal(isRunning({ processId: process.pid, began: `${mine.began}0`, url: "" }), false);
  await writeFile(join(home, "server.json"), '{"processId":');
  assert.equal(findServer(home), undefined);
});
