import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type ActId, newId, type RunId } from "#src/kernel/ids.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { say, scriptedModel } from "#src/testing/scripted-model.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { createLiveText } from "./live-text.ts";
import { type LiveSeen, liveSince } from "./live-watch.ts";
import { readState } from "./store/state.ts";
import { sweepLive } from "./store/live.ts";

const clock = heldClock();
const RUN: RunId = `run_${"0".repeat(32)}`;
const newAct = (): ActId => newId("act", clock.nowMs());

async function written(db: Db): Promise<{ act_id: string; seq: number; text: string }[]> {
  const { rows } = await sql<{ act_id: string; seq: number; text: string }>`select act_id, seq, text from live_text order by act_id, seq`.execute(db);
  return rows;
}

test("what several calls say is appended piece by piece, whole characters and nothing that cannot be kept, and cleared when each ends", async (t) => {
  const { db } = await testDatabase(t);
  const live = createLiveText({ db, log: silentLog });
  const [a, b] = [newAct(), newAct()];
  const first = live.speak({ runId: RUN, actId: a, attempt: 1 });
  const second = live.speak({ runId: RUN, actId: b, attempt: 1 });
  for (const delta of ["Open ", "the", "\0 ", "\ud83d"]) first.onText(delta);
  second.onText("Wait");
  await live.stop();
  first.onText("\ude00!");
  await live.stop();
  assert.deepEqual(await written(db), [
    { act_id: a, seq: 1_000_000, text: "Open the\ufffd " },
    { act_id: a, seq: 1_000_001, text: "😀!" },
    { act_id: b, seq: 1_000_000, text: "Wait" },
  ]);
  first.end();
  first.onText("too late");
  await live.stop();
  assert.deepEqual(
    (await written(db)).map(({ act_id }) => act_id),
    [b],
  );
  second.end();
  await live.stop();
  assert.deepEqual(await written(db), []);
});

test("one who watches gets the text so far and then what is added, learns that an attempt was lost, and that an act has ended", async (t) => {
  const { db } = await testDatabase(t);
  const live = createLiveText({ db, log: silentLog });
  const actId = newAct();
  const lost = live.speak({ runId: RUN, actId, attempt: 1 });
  lost.onText("Half ");
  await live.stop();
  lost.onText("an");
  await live.stop();
  const early: LiveSeen = new Map();
  const late: LiveSeen = new Map();
  const news = async (seen: LiveSeen) => (await liveSince(db, RUN, seen)).news;
  assert.deepEqual(await news(early), [{ kind: "text", actId, text: "Half an", begins: true }]);
  assert.deepEqual(await news(early), []);
  const again = createLiveText({ db, log: silentLog }).speak({ runId: RUN, actId, attempt: 2 }); // another process, after a crash
  const other = createLiveText({ db, log: silentLog });
  const speech = other.speak({ runId: RUN, actId, attempt: 2 });
  again.end();
  speech.onText("Anew: ");
  await other.stop();
  assert.deepEqual(await news(early), [{ kind: "text", actId, text: "Anew: ", begins: true }]);
  lost.end(); // a process that stood still ends what it had begun, and nothing of the other's
  await live.stop();
  speech.onText("all of it");
  await other.stop();
  assert.deepEqual(await news(early), [{ kind: "text", actId, text: "all of it", begins: false }]);
  assert.deepEqual(await news(late), [{ kind: "text", actId, text: "Anew: all of it", begins: true }]);
  speech.end();
  await other.stop();
  assert.deepEqual(await news(early), [{ kind: "ends", actId }]);
});

test("while a model speaks its text is there for others, and gone when the outcome is on record; the turn is the same", async (t) => {
  const { db } = await testDatabase(t);
  const seen: string[] = [];
  const engine = await testEngine({
    db,
    clock,
    files: chatWorkspace(),
    model: scriptedModel(async (_call, { onText }) => {
      onText?.("It is ");
      await engine.live.stop();
      seen.push(...(await written(db)).map(({ text }) => text));
      return say("done");
    }),
  });
  const runId = await startRun(engine, "helper", "say it");
  await drain(engine);
  await engine.live.stop();
  assert.deepEqual(seen, ["It is "]);
  assert.deepEqual(await written(db), []);
  const { run, messages } = await readState(db, runId);
  assert.equal(run.state, "done");
  assert.deepEqual((messages.at(-1)!.content as { text?: string }).text, "done");
  assert.deepEqual(await liveSince(db, runId, new Map()), { news: [], moving: false, state: "done" });
});

test("a table that cannot be written is in nobody's way", async (t) => {
  const { db } = await testDatabase(t);
  await sql`drop table live_text`.execute(db);
  const engine = await testEngine({
    db,
    clock,
    files: chatWorkspace(),
    model: scriptedModel(async (_call, { onText }) => {
      onText?.("It is ");
      await engine.live.stop();
      onText?.("done");
      await pause(0);
      return say("It is done");
    }),
  });
  const runId = await startRun(engine, "helper", "say it");
  await drain(engine);
  await engine.live.stop();
  assert.equal((await readState(db, runId)).run.state, "done");
});

test("what a process that died had said is swept, and what is being said is not", async (t) => {
  const { db } = await testDatabase(t);
  const [speaking, dead, unknown] = [newAct(), newAct(), newAct()];
  const runId = newId("run", clock.nowMs());
  await sql`insert into runs (id, agent, runner, procedure, state, limits, revision) values (${runId}, 'a', 'model', 'chat', 'running', '{}', 1)`.execute(db);
  for (const [id, state] of [
    [speaking, "started"],
    [dead, "done"],
  ] as const) {
    await sql`insert into acts (id, run_id, turn, ordinal, kind, name, effect, state, key, args, facts, binding)
      values (${id}, ${runId}, 1, 1, 'model', 'reply', 'read', ${state}, ${id}, '{}', '{}', 'b')`.execute(db);
  }
  for (const id of [speaking, dead, unknown]) await sql`insert into live_text (run_id, act_id, seq, text) values (${runId}, ${id}, 1000000, 'x')`.execute(db);
  assert.equal(await sweepLive(db), 2);
  assert.deepEqual(
    (await written(db)).map(({ act_id }) => act_id),
    [speaking],
  );
  await sql`update runs set state = 'cancelled', ended_at = loop_now() where id = ${runId}`.execute(db);
  assert.equal(await sweepLive(db), 1);
});
