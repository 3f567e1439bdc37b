import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { JUDGE_FILES } from "#src/pulse/judge/judge-fixture.ts";
import { emptyDatabases } from "#src/testing/empty-database.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { startServer } from "#src/testing/started-server.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";

const PATIENCE_MS = 30_000;

test("a server whose judge is inside wakes it, and the goal that it writes is in the folder and in force", async (t) => {
  const workspace = await mkdtemp(join(tmpdir(), "loopwright-judge-"));
  t.after(() => rm(workspace, { recursive: true, force: true }));
  await writeFiles(workspace, Object.entries(JUDGE_FILES));
  const model = scriptedModel(({ messages }) => (messages.length === 1 ? callTool("loop.goal_write", { id: "bread", body: "# Bread" }) : say("Done.")));
  const server = await startServer({ workspace, model, databaseUrl: (await (await emptyDatabases(t))()).url });
  t.after(() => server.stop());
  const judge = async () => (await server.call("GET /v1/workspace")).body.judge;
  const untilMs = performance.now() + PATIENCE_MS;
  let seen = await judge();
  while (!(seen.last?.state === "done" && seen.next?.kind === "wait") && performance.now() < untilMs) seen = await judge();
  assert.deepEqual([seen.where, seen.last?.state, seen.last?.reason, seen.next?.why], ["inside", "done", "first", "nothing moved"]);
  const run = (await server.call(`GET /v1/runs/${seen.last.run}`)).body;
  assert.deepEqual(
    run.acts.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`),
    ["judge done", "loop.goal_write done", "judge done"],
  );
  assert.deepEqual((await server.call("GET /v1/loop/state")).body.goals, ["bread", "stock"]);
});
