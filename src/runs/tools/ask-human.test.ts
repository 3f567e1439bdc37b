import assert from "node:assert/strict";
import { test } from "node:test";
import { actsOfRun } from "#src/acts/store/read.ts";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { drain } from "#src/testing/engine.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { memoryWorld, runIn, ticketOf } from "../memory/memory-fixture.ts";
import { requireRun } from "../store/state.ts";

test("a question of an agent waits for a person, and the model goes on with the answer", async (t) => {
  const model = scriptedModel([callTool("ask_human", { question: "Which colour?", options: ["red", "blue"], to: "rui" }), say("Blue it is.")]);
  const { db, clock, engine } = await memoryWorld(t, { model });
  const ticket = await ticketOf(engine);
  const runId = await runIn(engine, { agent: "channel-one", ticket });
  await drain(engine);
  await drain(engine);
  assert.equal((await requireRun(db, runId)).state, "waiting");
  assert.equal((await requireTicket(db, ticket)).status, "awaiting_human");
  const [ask, ...others] = await openAsks(db);
  assert.deepEqual(
    [ask?.kind, ask?.prompt, ask?.options, ask?.approvers, others],
    ["choice", "Which colour?", ["red", "blue"], { roles: [], names: ["rui"] }, []],
  );
  const stranger = await makePrincipal(db, clock, { handle: "stranger", roles: ["owner"] });
  await assert.rejects(answerAsk(db, clock, { askId: ask!.id, person: stranger, answer: "blue", face: "cli" }), { code: "ask_not_yours" });
  await answerAsk(db, clock, { askId: ask!.id, person: { ...stranger, handle: "rui" }, answer: "blue", face: "cli" });
  await drain(engine);
  assert.equal((await requireRun(db, runId)).state, "done");
  const [act] = (await actsOfRun(db, runId)).filter(({ name }) => name === "ask_human");
  assert.deepEqual(act?.result, { answer: "blue", by: "rui", ask: ask!.id });
  assert.deepEqual(model.calls[1]!.messages.at(-1), { role: "tool", callId: act!.facts.callId, name: "ask_human", result: act!.result });
});

test("a question that nobody could answer, or with one option twice, is refused with who there is", async (t) => {
  const model = scriptedModel([
    callTool("ask_human", { question: "Well?", to: "nobody" }),
    callTool("ask_human", { question: "Well?", options: ["yes", "Yes"] }),
    callTool("ask_human", { question: "Well?", to: "@all" }),
  ]);
  const { db, engine } = await memoryWorld(t, { model });
  const runId = await runIn(engine, { agent: "channel-one", channel: "dev" });
  await drain(engine);
  const acts = (await actsOfRun(db, runId)).filter(({ name }) => name === "ask_human");
  assert.deepEqual(
    acts.map(({ state }) => state),
    ["failed", "denied", "waiting"],
  );
  assert.match(acts[0]!.error!.message, /Nobody here is called nobody.*ana, rui, @all, owner/);
  assert.match(acts[1]!.error!.message, /Two of the options are the same/);
  assert.deepEqual(
    (await openAsks(db)).map(({ kind, approvers }) => [kind, approvers]),
    [["question", { roles: [], names: [], groups: ["all"] }]],
  );
});
