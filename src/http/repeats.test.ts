import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { eventsOf } from "#src/people/people-fixture.ts";
import { httpFixture } from "./http-fixture.ts";

const keyed = (key: string) => ({ "idempotency-key": key });

test("a ticket sent again under its key is the first ticket, also when its reply was lost with the process", async (t) => {
  const { call, person, db } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const send = (text: string, key = "k-1") => call("POST /v1/tickets", { as: ana, payload: { text }, headers: keyed(key) });
  const first = await send("one");
  assert.deepEqual((await send("one")).body, first.body);

  await sql`delete from idempotency_keys`.execute(db); // as after a kill between the commit of the ticket and that of its reply
  assert.deepEqual((await send("one")).body, { ...first.body, duplicate: true });
  await sql`delete from idempotency_keys`.execute(db);
  const reused = await send("two");
  assert.deepEqual([reused.status, reused.body.code], [422, "idempotency_key_reused"]);
  assert.equal((await eventsOf(db)).filter(({ kind }) => kind === "ticket.opened").length, 1);
});

test("many at once under one key are one ticket with one reply", async (t) => {
  const { call, person, db } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const sent = await Promise.all(Array.from({ length: 8 }, () => call("POST /v1/tickets", { as: ana, payload: { text: "one" }, headers: keyed("k-1") })));
  assert.deepEqual(new Set(sent.map(({ status, body }) => `${status} ${body.id} ${body.runId}`)).size, 1);
  assert.equal((await eventsOf(db)).filter(({ kind }) => kind === "ticket.opened").length, 1);
});

test("keys belong to a principal, and another request under one is refused", async (t) => {
  const { call, person } = await httpFixture(t);
  const [ana, rui] = [await person("ana", ["operator"]), await person("rui", ["operator"])];
  const send = (as: typeof ana, text: string, url = "/v1/tickets") => call(`POST ${url}`, { as, payload: { text }, headers: keyed("same") });
  const mine = await send(ana, "one");
  const theirs = await send(rui, "one");
  assert.notEqual(mine.body.id, theirs.body.id);
  assert.deepEqual(
    [(await send(ana, "two")).body.code, (await send(ana, "one", "/v1/tickets?wait=false")).body.code],
    ["idempotency_key_reused", "idempotency_key_reused"],
  );
  for (const key of ["", "two words", "é", "k".repeat(201)]) {
    const { status, body } = await call("POST /v1/tickets", { as: ana, payload: { text: "x" }, headers: keyed(key) });
    assert.deepEqual([status, body.errors?.[0]?.field], [422, "headers.idempotency-key"], key);
  }
});

test("an answer under a key has one effect, and so has a lost one; a refusal is no reply to keep", async (t) => {
  const { call, person, ask, db } = await httpFixture(t);
  const [ana, rui] = [await person("ana", ["owner"]), await person("rui", ["approver"])];
  const id = await ask({});
  const answer = (as: typeof ana, said: string, key: string) => call(`POST /v1/asks/${id}/answer`, { as, payload: { answer: said }, headers: keyed(key) });
  assert.equal((await answer(rui, "maybe", "a")).status, 422);
  assert.equal((await answer(rui, "deny", "a")).status, 200);
  const [lost, again] = [await answer(ana, "approve", "b"), await answer(ana, "approve", "b")];
  assert.deepEqual([lost.status, again.body], [409, lost.body]);
  assert.deepEqual(
    (await eventsOf(db)).map(({ kind }) => kind).filter((kind) => kind.startsWith("ask.")),
    ["ask.decided", "ask.answered", "ask.answered_late"],
  );
});

test("whoever looks for due runs is told after each change and not after a repeat or a refusal", async (t) => {
  let told = 0;
  const { call, person } = await httpFixture(t, { changed: () => void (told += 1) });
  const ana = await person("ana", ["operator"]);
  const send = () => call("POST /v1/tickets", { as: ana, payload: { text: "one" }, headers: keyed("k") });
  const { body } = await send();
  await send();
  await call("GET /v1/tickets", { as: ana });
  await call(`POST /v1/runs/${body.runId}/resume`, { as: ana, payload: { reason: "x" } });
  assert.equal(told, 1);
  const pause = () => call(`POST /v1/runs/${body.runId}/pause`, { as: ana, payload: { reason: "x" }, headers: keyed("p") });
  assert.deepEqual((await pause()).body, (await pause()).body);
  assert.equal(told, 2);
});
