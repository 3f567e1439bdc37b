import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf } from "#src/people/people-fixture.ts";
import { type Answered, httpFixture } from "./http-fixture.ts";

test("open asks are listed with whether they are the caller's to answer", async (t) => {
  const { call, person, ask, ticket } = await httpFixture(t);
  const [rui, vera] = [await person("rui", ["approver"]), await person("vera", ["viewer"])];
  const { id: ticketId, number } = await ticket();
  const [mine, theirs] = [await ask({ ticketId }), await ask({ approvers: { roles: [], names: ["ana"] } })];
  const list = async (query: string, as = rui) =>
    (await call(`GET /v1/asks${query}`, { as })).body.asks.map(({ id, yours }: { id: string; yours: boolean }) => [id, yours]);

  assert.deepEqual(await list(""), [
    [mine, true],
    [theirs, false],
  ]);
  assert.deepEqual(await list("", vera), [
    [mine, false],
    [theirs, false],
  ]);
  assert.deepEqual(await list(`?ticket=${number}`), [[mine, true]]);
  assert.deepEqual(await list("?state=closed"), []);
  assert.deepEqual(await list("?limit=1"), [[mine, true]]);
  await call(`POST /v1/asks/${mine}/answer`, { as: rui, payload: { answer: "approve" } });
  assert.deepEqual(
    [await list(""), await list("?state=closed"), await list(`?ticket=${number}&state=closed`)],
    [[[theirs, false]], [[mine, true]], [[mine, true]]],
  );
});

test("the first answer settles, the second is told who won, and both are kept", async (t) => {
  const { call, person, ask } = await httpFixture(t);
  const [rui, ana] = [await person("rui", ["approver"]), await person("ana", ["owner"])];
  const id = await ask({});
  const won = await call(`POST /v1/asks/${id}/answer`, { as: rui, payload: { answer: "Approve", reason: "looks right" } });
  assert.deepEqual([won.status, won.body.outcome, won.body.missing, won.body.ask.answer], [200, "settled", 0, "approve"]);

  const lost = await call(`POST /v1/asks/${id}/answer`, { as: ana, payload: { answer: "deny" } });
  const { ask: shown, ...problem } = lost.body;
  assert.deepEqual(
    [lost.status, problem],
    [
      409,
      {
        type: "urn:loopwright:error:ask_not_open",
        title: "Ask not open",
        status: 409,
        code: "ask_not_open",
        detail: `rui answered ${id} before you: approve. Yours is kept as late and changes nothing.`,
        facts: { ask: id, settledBy: "rui", answer: "approve" },
        outcome: "lost",
      },
    ],
  );
  assert.equal(shown.answer, "approve");
  const { decisions } = (await call(`GET /v1/asks/${id}`, { as: ana })).body;
  assert.deepEqual(
    decisions.map(({ handle, answer, kind, face }: Record<string, string>) => [handle, answer, kind, face]),
    [
      ["rui", "approve", "decision", "http"],
      ["ana", "deny", "late", "http"],
    ],
  );
});

test("an ask that wants two people counts the first and settles with the second", async (t) => {
  const { call, person, ask } = await httpFixture(t);
  const [rui, ana] = [await person("rui", ["approver"]), await person("ana", ["owner"])];
  const id = await ask({ quorum: 2 });
  const answer = (as: typeof rui) => call(`POST /v1/asks/${id}/answer`, { as, payload: { answer: "approve" } });
  const shape = ({ status, body }: Answered) => [status, body.outcome, body.missing];
  assert.deepEqual(shape(await answer(rui)), [200, "counted", 1]);
  assert.deepEqual(shape(await answer(rui)), [200, "counted", 1]);
  assert.deepEqual(shape(await answer(ana)), [200, "settled", 0]);
});

test("answers that are not possible are refused with what would be", async (t) => {
  const { call, person, ask } = await httpFixture(t);
  const [rui, bot] = [await person("rui", ["approver"]), await person("bot", ["agent"], { scopes: ["read", "asks:answer"] })];
  const id = await ask({ approvers: { roles: ["approver"], names: ["bot"] } });
  const code = async (as: typeof rui, payload: object) =>
    ((reply) => [reply.status, reply.body.code])(await call(`POST /v1/asks/${id}/answer`, { as, payload }));
  assert.deepEqual(await code(rui, { answer: "maybe" }), [422, "ask_option_unknown"]);
  assert.deepEqual(await code(rui, { answer: "" }), [422, "input_invalid"]);
  assert.deepEqual(await code(bot, { answer: "approve" }), [403, "permission_missing"]);
  const other = await ask({ approvers: { roles: ["owner"], names: [] } });
  const refused = await call(`POST /v1/asks/${other}/answer`, { as: rui, payload: { answer: "approve" } });
  assert.deepEqual([refused.status, refused.body.code], [403, "ask_not_yours"]);
});

test("an owner overrides a settled ask, which is a decision of its own, and once under one key", async (t) => {
  const { call, person, ask, db } = await httpFixture(t);
  const [rui, ana] = [await person("rui", ["approver"]), await person("ana", ["owner"])];
  const id = await ask({});
  const override = (as: typeof rui) =>
    call(`POST /v1/asks/${id}/override`, { as, payload: { answer: "deny", reason: "wrong vendor" }, headers: { "idempotency-key": "o-1" } });
  const early = await override(ana);
  assert.deepEqual([early.status, early.body.code], [409, "ask_not_open"]);
  await call(`POST /v1/asks/${id}/answer`, { as: rui, payload: { answer: "approve" } });
  assert.equal((await override(rui)).body.code, "permission_missing");

  const first = await override(ana);
  const again = await override(ana);
  assert.deepEqual([first.status, first.body.answer, first.body.settledBy], [200, "deny", "ana"]);
  assert.deepEqual(again.body, first.body);
  assert.equal((await eventsOf(db)).filter(({ kind }) => kind === "ask.overridden").length, 1);
});

test("a run is shown with what it said, asked and cost, and is paused, resumed and cancelled", async (t) => {
  const { call, person, ticket, ask } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const { id: ticketId, runId } = await ticket();
  await ask({ runId, ticketId });
  const { body } = await call(`GET /v1/runs/${runId}`, { as: ana });
  assert.deepEqual([body.state, body.acts, body.asks.length, body.costs], ["queued", [], 1, null]);
  assert.deepEqual(
    body.messages.map(({ role, content }: { role: string; content: unknown }) => [role, content]),
    [["input", { text: "The oven is cold" }]],
  );
  assert.deepEqual(
    (await call(`GET /v1/runs?ticket=${ticketId}`, { as: ana })).body.runs.map(({ id }: { id: string }) => id),
    [runId],
  );

  const states: unknown[] = [];
  for (const verb of ["resume", "pause", "resume", "cancel", "cancel"]) {
    const reply = await call(`POST /v1/runs/${runId}/${verb}`, { as: ana, payload: { reason: "because" } });
    states.push([verb, reply.status, reply.body.state ?? reply.body.code]);
  }
  assert.deepEqual(states, [
    ["resume", 409, "run_not_open"],
    ["pause", 200, "paused"],
    ["resume", 200, "queued"],
    ["cancel", 200, "cancelled"],
    ["cancel", 409, "run_not_open"],
  ]);
});

test("a precedent is asked for over HTTP: its length of time is read once", async (t) => {
  const { call, person, ticket, ask } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  const { id: ticketId, runId } = await ticket();
  const askId = await ask({ ticketId, runId });
  const propose = async (payload: object) =>
    ((reply) => [reply.status, reply.body.code, reply.body.detail])(await call(`POST /v1/asks/${askId}/precedent`, { as: ana, payload }));
  const [status, code, detail] = await propose({ for: "30d", reason: "it always goes well" });
  assert.deepEqual([status, code], [422, "input_invalid"]);
  assert.match(detail, /no act that was approved/);
  assert.match((await propose({ for: "400d", reason: "x" }))[2], /body.for: expected a year at most/);
});
