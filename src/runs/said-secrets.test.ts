import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { createRedactor } from "#src/kernel/redaction.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { say, scriptedModel } from "#src/testing/scripted-model.ts";
import { readState } from "./store/state.ts";

const HELPER = `apiVersion: loopwright.dev/v1
kind: Agent
name: helper
runner: model
procedure: chat
`;

test("the last answer of an agent holds no known secret, in the run as little as in the journal", async (t) => {
  const { db } = await testDatabase(t);
  const redactor = createRedactor();
  redactor.learn("sk-canary-0123456789");
  const model = scriptedModel([say("The key is sk-canary-0123456789.")]);
  const files = chatWorkspace({ "agents/helper.yaml": HELPER });
  const engine = await testEngine({ db, clock: heldClock(), files, model, redactor });
  const runId = await startRun(engine, "helper", "what is the key?");
  await drain(engine);
  const { run, messages } = await readState(db, runId);
  assert.deepEqual([run.state, messages.at(-1)!.content], ["done", { text: "The key is [secret].", toolCalls: [] }]);
  const { rows } = await sql<{ held: number }>`select count(*)::int as held from payloads where body like '%canary%'`.execute(db);
  assert.deepEqual(rows, [{ held: 0 }]);
});
