import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { startFleet } from "./fleet.ts";
import { readState } from "./store/state.ts";

test("a stop in the middle of a call does not put down as failed what may have happened: a person is asked", async (t) => {
  const { db } = await testDatabase(t);
  const called = Promise.withResolvers<void>();
  const slow: ToolPort = {
    name: "effect.once",
    description: "answers nobody",
    schema: { type: "object" },
    effect: "once",
    invoke(_args, { signal }) {
      called.resolve();
      return new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(new LoopError("tool_failed", "The call was stopped. Whether it did what it was asked is not known."))),
      );
    },
  };
  const engine = await testEngine({
    db,
    clock: heldClock(),
    files: chatWorkspace(),
    model: scriptedModel([callTool("effect.once", {}), say("done")]),
    tools: [slow],
  });
  const runId = await startRun(engine, "helper", "do it once");
  const fleet = startFleet(engine, { holder: "one", slots: 2, leaseMs: 10_000, pollMs: 50, graceMs: 0, changed: () => undefined, mayClaim: () => true });
  await called.promise;
  await fleet.stop();
  const actOf = async () => (await readState(db, runId)).acts.find((act) => act.kind === "tool")!;
  assert.deepEqual([(await actOf()).state, (await actOf()).error], ["started", null]);
  await drain(engine);
  assert.equal((await actOf()).state, "unknown");
  assert.equal((await openAsks(db)).length, 1);
});
