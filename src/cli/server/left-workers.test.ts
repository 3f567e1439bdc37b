import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { endWorkers, goingOn, leftWorkers } from "./left-workers.ts";

const OWNER = join(import.meta.dirname, "..", "..", "testing", "worker-owner-child.ts");

test("workers that go on after kill -9 of their server are named, and end when they are told to; damaged and ended ones are passed over", async (t) => {
  const home = await realpath(await mkdtemp(join(tmpdir(), "loopwright-left-")));
  t.after(() => rm(home, { recursive: true, force: true }));
  assert.deepEqual(leftWorkers(home), []);
  const folder = join(home, "workers");
  for (const [key, script] of [
    ["act_1", "trap '' TERM; while :; do sleep 0.05; done"],
    ["act_2", "exit 0"],
  ] as const) {
    const server = spawn(process.execPath, [OWNER, folder, key, script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
    server.kill("SIGKILL");
    await once(server, "exit");
  }
  while (leftWorkers(home).length > 1);
  await mkdir(join(folder, "act_3"));
  await writeFile(join(folder, "act_3", "status.json"), "{");
  const [left, ...more] = leftWorkers(home);
  assert.deepEqual([left!.name, more], ["fix-login", []]);
  assert.equal(goingOn([left!]), `A worker goes on: fix-login (process ${left!.processId}). The next start takes them up; \`loop down\` ends them.`);
  assert.deepEqual(await endWorkers([left!]), []);
  assert.deepEqual(leftWorkers(home), []);
});
