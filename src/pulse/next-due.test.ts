import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { openAsks } from "#src/asks/store/read.ts";
import { fireTimers, setTimer } from "#src/leases/store/timers.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, scriptedModel } from "#src/testing/scripted-model.ts";
import { effectTool } from "#src/testing/effect-ledger.ts";
import { nextDue } from "./store/next-due.ts";

test("what is due next is the earliest timer and the earliest step of an open ask, by the clock of the database", async (t) => {
  const { db, advance } = await testDatabase(t);
  assert.deepEqual(await nextDue(db), { timerInMs: null, askInMs: null, scheduleInMs: null });
  const tools = [effectTool("/dev/null", { name: "effect.careful", effect: "findable" })];
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(), model: scriptedModel([callTool("effect.careful", {})]), tools });
  const runId = await startRun(engine, "helper", "careful");
  await drain(engine);
  await sql`update asks set next_step_at = loop_now() + interval '90 s' where id = ${(await openAsks(db))[0]!.id}`.execute(db);
  const nowMs = (await sql<{ ms: number }>`select (extract(epoch from loop_now()) * 1000)::float8 as ms`.execute(db)).rows[0]!.ms;
  for (const [cause, inMs] of [
    ["late", 70_000],
    ["soon", 40_000],
  ] as const)
    await setTimer(db, { runId, dueAtMs: nowMs + inMs, cause });
  const near = (inMs: number | null, wanted: number): void => assert.ok(inMs !== null && Math.abs(inMs - wanted) < 20_000, `${inMs} ms`);
  const before = await nextDue(db);
  near(before.timerInMs, 40_000);
  near(before.askInMs, 90_000);
  await advance(60_000);
  assert.ok((await nextDue(db)).timerInMs! <= 0);
  await fireTimers(db);
  near((await nextDue(db)).timerInMs, 10_000);
});
