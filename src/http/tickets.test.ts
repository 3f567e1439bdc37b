import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { eventsOf } from "#src/people/people-fixture.ts";
import { inTransaction } from "#src/database/open.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { receiptFragment } from "#src/evidence/store/receipts.ts";
import { requireRun } from "#src/runs/store/state.ts";
import { httpFixture } from "./http-fixture.ts";

test("a message becomes a ticket at once and comes back whole", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const sent = await call("POST /v1/tickets", { as: ana, payload: { text: "The oven is cold", labels: { shop: "lisbon" }, language: "en" } });
  assert.equal(sent.status, 202);
  assert.deepEqual(Object.keys(sent.body), ["id", "number", "runId", "duplicate"]);

  const { status, body, headers } = await call(`GET /v1/tickets/${sent.body.id}`, { as: ana });
  assert.deepEqual([status, headers["etag"], headers["cache-control"]], [200, '"1"', "private, no-cache"]);
  const { createdAt, updatedAt, ...rest } = body;
  assert.match(createdAt, /^\d{4}-.*Z$/);
  assert.equal(updatedAt, createdAt);
  assert.deepEqual(rest, {
    id: sent.body.id,
    number: sent.body.number,
    alias: null,
    status: "new",
    title: "The oven is cold",
    body: "The oven is cold",
    language: "en",
    source: "http",
    sender: "ana",
    senderPrincipalId: null,
    trust: "outside",
    threadId: null,
    labels: { shop: "lisbon" },
    agent: "desk",
    routeReason: "it is the agent that loop.yaml names for everything else",
    triage: null,
    assignee: null,
    version: 1,
    resolvedAt: null,
    resolution: null,
  });
  for (const id of [String(sent.body.number), `%23${sent.body.number}`]) assert.deepEqual((await call(`GET /v1/tickets/${id}`, { as: ana })).body, body);
});

test("a reader that has the version gets nothing again until it changes", async (t) => {
  const { call, person, ticket, db } = await httpFixture(t);
  const vera = await person("vera", ["viewer"]);
  const { id } = await ticket();
  const asked = (tag: string) => call(`GET /v1/tickets/${id}`, { as: vera, headers: { "if-none-match": tag } });
  assert.deepEqual([(await asked('"1"')).status, (await asked('"1"')).body], [304, ""]);
  assert.equal((await asked('W/"1"')).status, 304);
  assert.equal((await asked('"7", "1"')).status, 304);
  assert.equal((await asked("*")).status, 304);
  assert.equal((await asked('"2"')).status, 200);
  await inTransaction(db, (tx) => moveTicket(tx, id, { status: "triaged" }));
  assert.deepEqual([(await asked('"1"')).status, (await asked('"1"')).headers["etag"]], [200, '"2"']);
  const head = await call(`HEAD /v1/tickets/${id}`, { as: vera });
  assert.deepEqual([head.status, head.body, head.headers["etag"]], [200, "", '"2"']);
});

test("waiting for triage gives the ticket when it is understood, and the id alone when that takes too long", async (t) => {
  const { call, person, db } = await httpFixture(t, { limits: { waitMs: 40, waitPollMs: 5 } });
  const ana = await person("ana", ["operator"]);
  const late = await call("POST /v1/tickets?wait=true", { as: ana, payload: { text: "slow" } });
  assert.deepEqual([late.status, late.body.ticket], [202, undefined]);

  const soon = await httpFixture(t, { limits: { waitMs: 20_000, waitPollMs: 5 } });
  const rui = await soon.person("rui", ["operator"]);
  const waiting = soon.call("POST /v1/tickets?wait=true", { as: rui, payload: { text: "quick" } });
  for (let tickets: { id: `tkt_${string}` }[] = []; tickets.length === 0;) {
    tickets = (await soon.call("GET /v1/tickets", { as: rui })).body.tickets;
    if (tickets[0]) await inTransaction(soon.db, (tx) => moveTicket(tx, tickets[0]!.id, { status: "triaged", triage: { category: "oven", severity: 3 } }));
  }
  const answer = await waiting;
  assert.deepEqual([answer.status, answer.body.ticket.status, answer.body.ticket.triage], [200, "triaged", { category: "oven", severity: 3 }]);
  assert.ok(db !== soon.db);
});

test("tickets are listed newest first, by status and label, page by page", async (t) => {
  const { call, person, db, advance } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const numbers: number[] = [];
  for (const shop of ["lisbon", "lisbon", undefined, "lisbon", undefined]) {
    await advance(1_000);
    numbers.unshift((await call("POST /v1/tickets", { as: ana, payload: { text: "x", labels: shop ? { shop } : {} } })).body.number);
  }
  const pages: number[][] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body } = await call(`GET /v1/tickets?limit=2${cursor && `&cursor=${cursor}`}`, { as: ana });
    pages.push(body.tickets.map((one: { number: number }) => one.number));
    cursor = body.nextCursor;
  }
  assert.deepEqual(pages, [numbers.slice(0, 2), numbers.slice(2, 4), numbers.slice(4)]);

  const list = async (query: string) => (await call(`GET /v1/tickets?${query}`, { as: ana })).body.tickets.map((one: { number: number }) => one.number);
  assert.deepEqual(await list("label=shop:lisbon"), [numbers[1], numbers[3], numbers[4]]);
  assert.deepEqual(await list("label=shop:lisbon&label=category:oven"), []);
  const { body } = await call(`GET /v1/tickets/${numbers[0]}`, { as: ana });
  await inTransaction(db, (tx) => moveTicket(tx, body.id, { status: "blocked" }));
  assert.deepEqual(await list("status=blocked&status=resolved"), [numbers[0]]);
  assert.deepEqual(await list("status=new"), numbers.slice(1));
});

test("the same external id is one ticket, and another text under it is refused", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const send = (text: string) => call("POST /v1/tickets", { as: ana, payload: { text, externalId: "mail-17" } });
  const first = await send("one");
  const again = await send("one");
  assert.deepEqual([again.status, again.body], [202, { ...first.body, duplicate: true }]);
  const other = await send("two");
  assert.deepEqual([other.status, other.body.code], [409, "delivery_conflict"]);
});

test("nobody sends in the name of another principal, but anybody for somebody outside", async (t) => {
  const { call, person } = await httpFixture(t);
  const [ana, rui] = [await person("ana", ["operator"]), await person("rui", ["owner"])];
  const send = (as: typeof ana, sender: string) => call("POST /v1/tickets", { as, payload: { text: "x", sender } });
  const refused = await send(ana, "rui");
  assert.deepEqual([refused.status, refused.body.code], [403, "permission_missing"]);
  assert.equal((await send(ana, "guest@example.org")).status, 202);
  assert.equal((await send(ana, "ana")).status, 202);
  assert.equal((await send(rui, "ana")).status, 202);
});

test("a ticket has its events, its receipt and what is known about it", async (t) => {
  const { call, person, ticket, db } = await httpFixture(t);
  const ana = await person("ana", ["viewer"]);
  const { id, runId, number } = await ticket("The oven fails");
  const none = await call(`GET /v1/tickets/${id}/receipt`, { as: ana });
  assert.deepEqual([none.status, none.body.code, none.body.facts], [404, "receipt_unknown", { ticket: id, status: "new" }]);
  const signed = { runId, ticketId: id, digest: "abc", pack: { plan: [] }, envelope: "{}" };
  await sql`with ${receiptFragment(signed, sql`true`)} select 1`.execute(db);
  const { at, ...receipt } = (await call(`GET /v1/tickets/${number}/receipt`, { as: ana })).body;
  assert.deepEqual([typeof at, receipt], ["string", { runId, ticketId: id, digest: "abc", pack: { plan: [] }, envelope: "{}" }]);

  const brain = await call(`GET /v1/tickets/${id}/brain`, { as: ana });
  assert.ok(brain.body.hits.some((hit: { layer: string; source: string }) => hit.layer === "sop" && hit.source === "brain/sops/oven.md"));
  assert.equal(brain.body.meaning, "off");
  assert.deepEqual((await call(`GET /v1/tickets/${id}/events`, { as: ana })).body, { events: [], nextAfter: 0 }); // none is sealed yet
});

test("cancelling a ticket cancels its runs and asks in one go, and only once", async (t) => {
  const { call, person, ticket, ask, db } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const { id, runId, number } = await ticket();
  const askId = await ask({ runId, ticketId: id });
  assert.deepEqual((await call(`POST /v1/tickets/${id}/cancel`, { as: ana, payload: { reason: " " } })).body.errors, [
    { field: "body.reason", expected: "expected why" },
  ]);

  const done = await call(`POST /v1/tickets/${number}/cancel`, { as: ana, payload: { reason: "sold the oven" } });
  assert.deepEqual([done.status, done.body.status], [200, "cancelled"]);
  assert.equal((await requireRun(db, runId)).state, "cancelled");
  assert.equal((await call(`GET /v1/asks/${askId}`, { as: ana })).body.state, "cancelled");
  assert.deepEqual((await eventsOf(db)).at(-1), {
    kind: "ticket.cancelled",
    actor: ana.principal.id,
    payload: { by: "ana", reason: "sold the oven", runs: [runId] },
  });

  const again = await call(`POST /v1/tickets/${id}/cancel`, { as: ana, payload: { reason: "again" } });
  assert.deepEqual([again.status, again.body.code, again.body.facts.status], [409, "ticket_not_open", "cancelled"]);
});

test("a ticket is resolved and acknowledged through the ask that waits for it", async (t) => {
  const { call, person, ticket, ask } = await httpFixture(t);
  const ana = await person("ana", ["operator"]);
  const { id } = await ticket();
  const blocking = await ask({ ticketId: id });
  const early = await call(`POST /v1/tickets/${id}/resolve`, { as: ana });
  assert.deepEqual(
    [early.status, early.body.code, early.body.facts],
    [409, "ticket_not_open", { ticket: id, status: "new", purpose: "resolution", waitsFor: blocking }],
  );

  const operators = { roles: ["operator"] as const, names: [] };
  const acknowledgement = await ask({ ticketId: id, kind: "acknowledgement", purpose: "acknowledgement", options: ["acknowledge"], approvers: operators });
  const acknowledged = await call(`POST /v1/tickets/${id}/acknowledge`, { as: ana });
  assert.deepEqual(
    [acknowledged.status, acknowledged.body.outcome, acknowledged.body.ask.id, acknowledged.body.ask.answer],
    [200, "settled", acknowledgement, "acknowledge"],
  );

  await ask({ ticketId: id, kind: "choice", purpose: "resolution", options: ["done", "not needed"], approvers: operators });
  const resolved = await call(`POST /v1/tickets/${id}/resolve`, { as: ana, payload: { reason: "seen it" }, headers: { "loop-face": "cli" } });
  assert.deepEqual([resolved.body.outcome, resolved.body.ask.answer, resolved.body.ask.settledBy], ["settled", "done", "ana"]);
  const [decision] = resolved.body.ask.decisions;
  assert.deepEqual([decision.reason, decision.face], ["seen it", "cli"]);
});
