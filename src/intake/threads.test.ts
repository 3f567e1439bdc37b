import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { inTransaction } from "#src/database/open.ts";
import { cancelRun } from "#src/runs/command.ts";
import type { Engine } from "#src/runs/engine.ts";
import { readState } from "#src/runs/store/state.ts";
import { continueThread } from "#src/runs/turns/settle.ts";
import { listThreadMessages } from "#src/tickets/read-threads.ts";
import type { Thread } from "#src/tickets/thread.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, failWith, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { delivered, endOf } from "./await-answer.ts";
import { openThread } from "./open-thread.ts";
import { type InboundTurn, receiveTurn, type ReceivedTurn } from "./receive-turn.ts";

const ANA = { id: "prn_ana", handle: "ana", roles: ["owner"] } as const;

interface Chat {
  readonly engine: Engine;
  readonly thread: Thread;
  readonly say: (text: string, more?: Partial<InboundTurn>) => Promise<ReceivedTurn>;
}

async function chat(t: TestContext, model: ModelPort, tools: Parameters<typeof testEngine>[0]["tools"] = []): Promise<Chat> {
  const { db } = await testDatabase(t);
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(), model, tools });
  const { workspace } = await engine.workspaces.current();
  const request = { surface: "http", channel: "ana", agent: "helper", labels: {}, by: ANA };
  const { thread } = await inTransaction(db, (tx) => openThread(tx, { clock: engine.clock, workspace }, request));
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true };
  return { engine, thread, say: (text, more = {}) => receiveTurn(deps, { threadId: thread.id, text, author: ANA, trust: "owner", ...more }) };
}

const effect = (invoke: () => Promise<void>) => ({
  name: "effect.idempotent",
  description: "",
  schema: { type: "object" },
  effect: "idempotent" as const,
  invoke: async () => {
    await invoke();
    return { ok: true };
  },
});

test("a turn begins with the exchanges that were completed and delivered, oldest first, and no others", async (t) => {
  const model = scriptedModel((call) =>
    call.messages.at(-1)!.role === "user" && said(call).endsWith("break") ? failWith("bad_request") : say(`heard ${said(call)}`),
  );
  const { engine, say: tell } = await chat(t, model);
  const turn = async (text: string, isDelivered: boolean) => {
    const { runId } = await tell(text);
    await drain(engine);
    const { answer } = await endOf(engine.db, runId!);
    if (isDelivered && answer) await delivered(engine.db, [answer.id]);
  };
  await turn("one", true);
  await turn("break", true);
  await turn("two", false);
  await turn("three", true);
  await turn("four", true);
  assert.deepEqual(
    model.calls.at(-1)!.messages.map((message) => (message.role === "tool" ? "tool" : message.text)),
    ["one", "heard one", "three", "heard three", "four"],
  );
});

const said = (call: { messages: readonly { role: string }[] }): string => (call.messages.at(-1) as unknown as { text: string }).text;

test("what is said to a run that works goes into its transcript before the next thought, and the run answers to it", async (t) => {
  const { promise: told, resolve } = Promise.withResolvers<() => Promise<void>>();
  const tool = effect(async () => (await told)());
  const model = scriptedModel((call) => (call.messages.length === 1 ? callTool("effect.idempotent") : say(`last heard: ${said(call)}`)));
  const { engine, say: tell, thread } = await chat(t, model, [tool]);
  const first = await tell("begin");
  let steered: ReceivedTurn | undefined;
  resolve(async () => {
    steered = await tell("and do it in blue");
  });
  await drain(engine);
  assert.deepEqual([steered?.kind, steered?.runId], ["steered", first.runId]);
  const { messages, run } = await readState(engine.db, first.runId!);
  assert.deepEqual(
    [run.state, messages.map(({ role }) => role), said(model.calls.at(-1)!)],
    ["done", ["input", "thought", "input", "thought"], "and do it in blue"],
  );
  const listed = await listThreadMessages(engine.db, { threadId: thread.id, limit: 10 });
  assert.deepEqual(
    listed.map(({ role, text, runId }) => [role, text, runId === first.runId]),
    [
      ["person", "begin", true],
      ["person", "and do it in blue", true],
      ["agent", "last heard: and do it in blue", true],
    ],
  );
});

test("what is said while the last thought is thought is answered too, and only the answer to it is given", async (t) => {
  const more: { say?: Chat["say"] } = {};
  const model = scriptedModel(async (call) => {
    if (call.messages.length === 1) await more.say!("no, wait");
    return say(`answer ${call.messages.length}`);
  });
  const chatting = await chat(t, model);
  more.say = chatting.say;
  const { runId } = await chatting.say("go");
  await drain(chatting.engine);
  const { answer } = await endOf(chatting.engine.db, runId!);
  assert.equal(answer?.text, "answer 3");
});

test("of many who speak at once in a quiet thread one begins the turn and the others steer it; nothing is lost", async (t) => {
  const model = scriptedModel(() => say("heard"));
  const { engine, say: tell, thread } = await chat(t, model);
  const received = await Promise.all(Array.from({ length: 8 }, (_, n) => tell(`word ${n}`)));
  assert.deepEqual([received.filter(({ kind }) => kind === "created").length, new Set(received.map(({ runId }) => runId)).size], [1, 1]);
  await drain(engine);
  const { rows } = await sql<{ runs: number; untaken: number }>`
    select (select count(*)::int from runs) as runs, (select count(*)::int from thread_messages where run_id is null) as untaken`.execute(engine.db);
  assert.deepEqual(rows[0], { runs: 1, untaken: 0 });
  assert.equal((await listThreadMessages(engine.db, { threadId: thread.id, limit: 20 })).filter(({ role }) => role === "person").length, 8);
});

test("messages with a turn of their own are answered one after the other, in order", async (t) => {
  const model = scriptedModel((call) => say(`heard ${said(call)}`));
  const { engine, say: tell, thread } = await chat(t, model);
  const kinds = [];
  for (const text of ["a", "b", "c"]) kinds.push((await tell(text, { way: "turn" })).kind);
  await drain(engine);
  const listed = await listThreadMessages(engine.db, { threadId: thread.id, limit: 20 });
  assert.deepEqual(
    [kinds, listed.filter(({ role }) => role === "agent").map(({ text }) => text), new Set(listed.map(({ runId }) => runId)).size],
    [["created", "waiting", "waiting"], ["heard a", "heard b", "heard c"], 3],
  );
});

test("the same external id twice is one message, and another text under it is refused", async (t) => {
  const { engine, say: tell } = await chat(
    t,
    scriptedModel(() => say("heard")),
  );
  const first = await tell("hello", { externalId: "m-1" });
  const again = await tell("hello", { externalId: "m-1" });
  assert.deepEqual([again.kind, again.messageId, again.runId], ["duplicate", first.messageId, first.runId]);
  await assert.rejects(tell("goodbye", { externalId: "m-1" }), { code: "delivery_conflict" });
  await drain(engine);
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from thread_messages where role = 'person'`.execute(engine.db);
  assert.equal(rows[0]!.n, 1);
});

test("what waited behind a run that was cancelled gets its turn", async (t) => {
  const {
    engine,
    say: tell,
    thread,
  } = await chat(
    t,
    scriptedModel((call) => say(`heard ${said(call)}`)),
  );
  const first = await tell("a");
  await tell("b", { way: "turn" });
  await cancelRun(engine.db, engine.clock, { runId: first.runId!, by: ANA, reason: "enough" });
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  await inTransaction(engine.db, (tx) => continueThread(tx, place, thread.id));
  await drain(engine);
  const listed = await listThreadMessages(engine.db, { threadId: thread.id, limit: 20 });
  assert.deepEqual(
    listed.map(({ text }) => text),
    ["a", "b", "heard b"],
  );
});

test("files that come with a message reach the model as bytes, in the turn that they came in", async (t) => {
  const model = scriptedModel(() => say("seen"));
  const { engine, say: tell } = await chat(t, model);
  const png = Buffer.from("iVBORw0KGgo=", "base64");
  const { runId } = await tell("look", { files: [{ name: "a.png", mediaType: "image/png", content: png }] });
  await drain(engine);
  const [call] = model.calls;
  const [message] = call!.messages;
  assert.ok(message?.role === "user" && message.files?.length === 1);
  assert.deepEqual([message.files[0]!.name, Buffer.from(call!.files!.get(message.files[0]!.digest)!)], ["a.png", png]);
  await delivered(engine.db, [(await endOf(engine.db, runId!)).answer!.id]);
  await tell("and now?");
  await drain(engine);
  assert.deepEqual([said({ messages: model.calls[1]!.messages.slice(0, 1) }), model.calls[1]!.files], ["look\n[file of an earlier turn: a.png]", undefined]);
});

test("a turn has read what the turns had read whose answers it begins with, those of earlier versions too", async (t) => {
  const script = [callTool("effect.idempotent"), say("the books say 7"), callTool("effect.once"), callTool("effect.once")];
  const terms = { private: true, untrusted: true };
  const outbound = { ...effect(() => Promise.resolve()), name: "effect.once", effect: "once" as const, terms: { outbound: true } };
  const { engine, say: tell } = await chat(t, scriptedModel(script), [{ ...effect(() => Promise.resolve()), terms }, outbound]);
  const turn = async (text: string) => {
    const { runId } = await tell(text);
    await drain(engine);
    return readState(engine.db, runId!);
  };
  const first = await turn("what do the books say?");
  await delivered(engine.db, [(await endOf(engine.db, first.run.id)).answer!.id]);
  const second = await turn("write it to them");
  assert.deepEqual(second.run.brief, { taint: ["owner", "tool", "agent"], sawPrivate: true });
  assert.deepEqual(
    second.acts.filter(({ kind }) => kind === "tool").map(({ name, state }) => [name, state]),
    [["effect.once", "asked"]],
  );
  await cancelRun(engine.db, engine.clock, { runId: second.run.id, by: ANA, reason: "not now" });
  await sql`update thread_messages set brief = null where role = 'agent'`.execute(engine.db); // as an earlier version wrote it
  assert.equal((await turn("then write it now")).acts.at(-1)!.state, "asked");
});

test("a channel may have a budget of its own: what is said in another does not count, and labels of a conversation cannot name another channel", async (t) => {
  const { db } = await testDatabase(t);
  const budget = "apiVersion: loopwright.dev/v1\nkind: Budget\nname: dev\nscope: { label: channel, value: 'slack:#dev' }\nperiod: day\ncapTokens: 1000000\n";
  const files = chatWorkspace({ "budgets/dev.yaml": budget });
  const engine = await testEngine({ db, clock: heldClock(), files, model: scriptedModel(() => say("heard")) });
  const { workspace } = await engine.workspaces.current();
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true };
  for (const channel of ["#dev", "#other"]) {
    const request = { surface: "slack", channel, agent: "helper", labels: { team: "a", channel: "slack:#dev" }, by: ANA };
    const { thread } = await inTransaction(db, (tx) => openThread(tx, { clock: engine.clock, workspace }, request));
    await receiveTurn(deps, { threadId: thread.id, text: "hello", author: ANA, trust: "owner" });
  }
  await drain(engine);
  const { rows } = await sql<{ subject: string }>`select subject from budget_periods where budget = 'dev'`.execute(db);
  const { rows: runs } = await sql<{ labels: object }>`select labels from runs order by id`.execute(db);
  assert.deepEqual(rows, [{ subject: "channel=slack:#dev" }]);
  assert.deepEqual(
    runs.map(({ labels }) => labels),
    [
      { team: "a", channel: "slack:#dev" },
      { team: "a", channel: "slack:#other" },
    ],
  );
});
