import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ensureAgentPrincipal } from "#src/people/agent-principal.ts";
import { createToken } from "#src/people/token.ts";
import { eventsOf } from "#src/people/people-fixture.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { sql } from "kysely";
import { type HttpFixture, httpFixture, type Person } from "./http-fixture.ts";

/** The root agent, or a worker of a run. */
async function machine({ db, clock }: HttpFixture, name: string, runId?: RunId): Promise<Person> {
  const role = runId === undefined ? "agent" : "worker";
  const principal = await ensureAgentPrincipal(db, clock, { name, role });
  const scopes = runId === undefined ? (["read", "pulse:steer", "pulse:work"] as const) : (["read", "pulse:work"] as const);
  const { value, token } = await createToken(db, clock, { principal, label: "test", scopes, validForMs: null, by: "system", ...(runId ? { runId } : {}) });
  return { principal, token: value, tokenId: token.id };
}

async function place(t: TestContext) {
  const fixture = await httpFixture(t);
  const root = await machine(fixture, "root");
  const say = (line: string, payload?: object, as: Person = root) => fixture.call(line, { as, ...(payload ? { payload } : {}) });
  return { ...fixture, root, say };
}

/** A run that works under this name. */
async function runUnder({ db, ticket }: HttpFixture, name: string): Promise<RunId> {
  const { id, runId } = await ticket();
  await sql`update tickets set alias = ${name} where id = ${id}`.execute(db);
  await sql`update runs set procedure = 'worker' where id = ${runId}`.execute(db);
  return runId;
}

test("a question has a name, the same question is the same ask while it is open, and names are never used twice", async (t) => {
  const { say } = await place(t);
  const question = { worker: "fix-login", prompt: "Which branch?", options: [" main", "next "], reference: "https://git.example/7" };
  const first = await say("POST /v1/loop/ask", question);
  assert.deepEqual(
    [first.status, first.body.alias, first.body.kind, first.body.options, first.body.worker],
    [200, "fix-login-1", "choice", ["main", "next"], "fix-login"],
  );
  assert.equal((await say("POST /v1/loop/ask", question)).body.id, first.body.id);
  assert.equal((await say("POST /v1/loop/ask", { ...question, prompt: "And then?" })).body.alias, "fix-login-2");
  assert.equal((await say("POST /v1/loop/answer", { ask: "fix-login-1", text: "MAIN" })).body.answer, "main");
  assert.equal((await say("POST /v1/loop/ask", question)).body.alias, "fix-login-3", "an answered question is asked anew");
  assert.equal((await say("POST /v1/loop/ask", { worker: "fix", prompt: "?" })).body.alias, "fix-1", "another name that begins alike counts for itself");
});

test("the same try of a question is the same ask, also when it was answered meanwhile", async (t) => {
  const { say } = await place(t);
  const question = { worker: "fix-login", prompt: "Merge?", key: "abc" };
  const first = await say("POST /v1/loop/ask", question);
  await say("POST /v1/loop/answer", { ask: "fix-login-1", text: "yes" });
  const again = await say("POST /v1/loop/ask", question);
  assert.deepEqual([again.body.id, again.body.state, again.body.answer], [first.body.id, "answered", "yes"]);
});

test("whoever was cut off gets the answer by the same words, until it was heard; then it is a new question", async (t) => {
  const { say } = await place(t);
  const question = { worker: "fix-login", prompt: "Merge?", resume: true };
  const first = await say("POST /v1/loop/ask", question);
  await say("POST /v1/loop/answer", { ask: "fix-login-1", text: "yes" });
  assert.equal((await say("POST /v1/loop/ask", { ...question, prompt: "Deploy?" })).body.alias, "fix-login-2");
  assert.deepEqual((await say("POST /v1/loop/ask", { ...question, key: "other" })).body.id, first.body.id);
  await say("POST /v1/loop/told", { worker: "someone-else", heard: "fix-login-1" });
  assert.equal((await say("POST /v1/loop/ask", question)).body.answer, "yes", "another cannot say that it was heard");
  await say("POST /v1/loop/told", { worker: "fix-login", heard: "fix-login-1" });
  assert.deepEqual((({ alias, state }) => [alias, state])((await say("POST /v1/loop/ask", question)).body), ["fix-login-3", "open"]);
});

test("blank words, options that are not there, and asks that are not there are refused", async (t) => {
  const { say } = await place(t);
  const refused = async (line: string, payload: object) => (await say(line, payload)).status;
  assert.equal(await refused("POST /v1/loop/ask", { worker: "w", prompt: "  " }), 422);
  assert.equal(await refused("POST /v1/loop/ask", { worker: "../w", prompt: "?" }), 422);
  await say("POST /v1/loop/ask", { worker: "w", prompt: "?", options: ["yes", "no"] });
  assert.equal(await refused("POST /v1/loop/answer", { ask: "w-1", text: " " }), 422);
  assert.equal(await refused("POST /v1/loop/answer", { ask: "w-1", text: "maybe" }), 422);
  assert.equal(await refused("POST /v1/loop/answer", { ask: "w-2", text: "yes" }), 404);
});

test("of two first answers at once one wins; the same again is fine; another needs a person who is owner", async (t) => {
  const { say, person, call, root } = await place(t);
  const ana = await person("ana", ["owner"]);
  await say("POST /v1/loop/ask", { worker: "w", prompt: "Which?" });
  const both = await Promise.all([say("POST /v1/loop/answer", { ask: "w-1", text: "left" }), say("POST /v1/loop/answer", { ask: "w-1", text: "right" }, ana)]);
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  );
  const won = both.find(({ status }) => status === 200)!.body.answer;
  const lost = won === "left" ? "right" : "left";
  for (const as of [root, ana]) assert.equal((await say("POST /v1/loop/answer", { ask: "w-1", text: won }, as)).status, 200, "the same again");
  assert.match((await say("POST /v1/loop/answer", { ask: "w-1", text: lost })).body.detail, /The first answer stands/);
  assert.equal((await say("POST /v1/loop/answer", { ask: "w-1", text: lost, force: true })).status, 403, "the root agent is no person");
  assert.equal((await say("POST /v1/loop/answer", { ask: "w-1", text: lost, force: true }, ana)).body.answer, lost);
  assert.equal((await call("GET /v1/asks/w-1", { as: ana })).body.answer, lost);
});

test("the root agent answers what names it and never an approval; people answer by the alias too", async (t) => {
  const { say, ask, person, call } = await place(t);
  const approval = await ask({ approvers: { roles: ["owner"], names: [], agents: ["agent:root"] } });
  assert.equal((await say("POST /v1/loop/answer", { ask: approval, text: "approve" })).status, 403);
  const other = await ask({ kind: "question", options: [], approvers: { roles: ["owner"], names: [] } });
  assert.equal((await say("POST /v1/loop/answer", { ask: other, text: "yes" })).status, 403);
  await say("POST /v1/loop/ask", { worker: "fix-login", prompt: "Merge?" });
  const op = await person("op", ["operator"]);
  const open = await call("GET /v1/asks", { as: op });
  assert.ok(open.body.asks.some(({ alias, yours }: { alias: string; yours: boolean }) => alias === "fix-login-1" && yours));
  assert.equal((await call("POST /v1/asks/fix-login-1/answer", { as: op, payload: { answer: "yes" } })).body.ask.answer, "yes");
});

test("a worker speaks for itself alone, and what it tried for another is in the journal", async (t) => {
  const fixture = await place(t);
  const { say, db } = fixture;
  const worker = await machine(fixture, "coder", await runUnder(fixture, "fix-login"));
  const asked = await say("POST /v1/loop/ask", { prompt: "Merge?" }, worker);
  assert.deepEqual([asked.body.alias, asked.body.worker], ["fix-login-1", "fix-login"]);
  const other = await say("POST /v1/loop/ask", { worker: "other", prompt: "Merge?" }, worker);
  assert.deepEqual([other.status, other.body.code], [403, "permission_missing"]);
  assert.equal((await say("POST /v1/loop/claim", { name: "deploy", session: "other" }, worker)).status, 403);
  assert.equal((await say("POST /v1/loop/answer", { ask: "fix-login-1", text: "yes" }, worker)).status, 403, "it does not answer itself");
  const refused = (await eventsOf(db)).filter(({ kind }) => kind === "worker.refused");
  assert.deepEqual(
    refused.map(({ payload }) => payload),
    [
      { verb: "ask", worker: "fix-login", meant: "other" },
      { verb: "claim", worker: "fix-login", meant: "other" },
    ],
  );
});

test("whoever waits has the answer when it is given, and the ask as it stands when the time is over", async (t) => {
  const { say } = await place(t);
  await say("POST /v1/loop/ask", { worker: "w", prompt: "Which?" });
  assert.equal((await say("GET /v1/loop/ask/wait?ask=w-1&timeoutMs=0")).body.state, "open");
  const waiting = say("GET /v1/loop/ask/wait?ask=w-1");
  await say("POST /v1/loop/answer", { ask: "w-1", text: "left" });
  assert.equal((await waiting).body.answer, "left");
  assert.equal((await say("GET /v1/loop/ask/wait?ask=w-9")).status, 404);
});
