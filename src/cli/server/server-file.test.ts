import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findProcesses, findServer, isRunning, writeServerFile } from "./server-file.ts";

async function homeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-cli-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const fileIn = (home: string): string => join(home, "processes", `${process.pid}.json`);

test("a process that serves a home is found while it is there, and not after it took that back", async (t) => {
  const home = await homeFolder(t);
  assert.deepEqual(findProcesses(home), []);
  const takeBack = writeServerFile(home, "http://127.0.0.1:4747");
  assert.equal(findServer(home)?.processId, process.pid);
  assert.equal((await stat(fileIn(home))).mode & 0o777, 0o600);
  takeBack();
  assert.equal(findServer(home), undefined);
});

test("a process that answers no requests is one of the home's, and not its server", async (t) => {
  const home = await homeFolder(t);
  writeServerFile(home, "");
  assert.equal(findServer(home), undefined);
  assert.equal(findProcesses(home).length, 1);
});

test("a process that is gone, one of the same number that began later, and half a file are no server", async (t) => {
  const home = await homeFolder(t);
  const child = spawn(process.execPath, ["-e", "0"]);
  await once(child, "exit");
  assert.equal(isRunning({ processId: child.pid!, began: null, url: "" }), false);
  writeServerFile(home, "http://127.0.0.1:4747");
  const mine = JSON.parse(await readFile(fileIn(home), "utf8")) as { began: string | null };
  if (mine.began !== null) assert.equal(isRunning({ processId: process.pid, began: `${mine.began}0`, url: "" }), false);
  await writeFile(fileIn(home), '{"processId":');
  assert.deepEqual(findProcesses(home), []);
});
