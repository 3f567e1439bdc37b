import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { type NewEvent, prepareEvent } from "./event.ts";
import { append, eventRows } from "./store/append.ts";

const clock = heldClock(Date.UTC(2026, 2, 1, 12));
const ticketId = `tkt_${"a".repeat(32)}` as TicketId;
const runId = `run_${"c".repeat(32)}` as RunId;

test("an event's head is canonical, covers the digest of its payload, and leaves out what is not there", () => {
  const bare = prepareEvent({ kind: "server.started", actor: "system" }, clock.nowMs());
  assert.deepEqual(bare, {
    kind: "server.started",
    at: "2026-03-01T12:00:00.000Z",
    actor: "system",
    runId: null,
    ticketId: null,
    head: '{"actor":"system","at":"2026-03-01T12:00:00.000Z","kind":"server.started","payload":null,"v":1}',
    body: null,
    scope: "workspace",
    expiresAt: null,
  });
  const full = prepareEvent({ kind: "act.done", actor: "agent:a", runId, ticketId, payload: { b: 1, a: "é" }, expiresAtMs: clock.nowMs() + 1 }, clock.nowMs());
  assert.deepEqual(full, {
    kind: "act.done",
    at: "2026-03-01T12:00:00.000Z",
    actor: "agent:a",
    runId,
    ticketId,
    head: `{"actor":"agent:a","at":"2026-03-01T12:00:00.000Z","kind":"act.done","payload":"${sha256('{"a":"é","b":1}')}","runId":"${runId}","ticketId":"${ticketId}","v":1}`,
    body: '{"a":"é","b":1}',
    scope: ticketId,
    expiresAt: "2026-03-01T12:00:00.001Z",
  });
});

test("a payload is erased with its ticket, else its run, else the workspace, unless it says otherwise", () => {
  const scopeOf = (more: Partial<NewEvent>): string => prepareEvent({ kind: "run.queued", actor: "system", ...more }, 0).scope;
  assert.deepEqual(
    [scopeOf({ ticketId, runId }), scopeOf({ runId }), scopeOf({}), scopeOf({ ticketId, scope: "person:1" })],
    [ticketId, runId, "workspace", "person:1"],
  );
});

test("events are appended in their order, with their payloads, whatever letters are in them", async (t) => {
  const { db } = await testDatabase(t);
  const texts = ['{"quoted", \\back} NULL', "", "\n\u0000", "冷氣 🛠", "NULL"];
  const ids = await append(db, clock, [
    ...texts.map((text) => ({ kind: "message.received", actor: text.replaceAll("\u0000", ""), payload: { text } })),
    { kind: "server.stopped", actor: "system" },
  ]);
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  const { rows } = await sql<{ id: number; actor: string; body: string | null }>`
    select e.id, e.actor, p.body from events e left join payloads p on p.event_id = e.id order by e.id`.execute(db);
  assert.deepEqual(
    rows.map((row) => ({ ...row, body: row.body === null ? null : JSON.parse(row.body) })),
    [...texts, "system"].map((text, index) => ({ id: ids[index], actor: text.replaceAll("\u0000", ""), body: index < texts.length ? { text } : null })),
  );
  assert.deepEqual(await append(db, clock, []), []);
});

test("in another statement events are appended only when what they tell came true", async (t) => {
  const { db } = await testDatabase(t);
  const said = await Promise.all([move(db, 0), move(db, 1)]);
  assert.deepEqual(said, [["head.refused"], ["head.moved"]]);
  const { rows } = await sql<{ kind: string }>`select kind from events order by kind`.execute(db);
  assert.deepEqual(rows, [{ kind: "head.moved" }, { kind: "head.refused" }]);
});

/** Moves something if it is still at 0 + `by` - 1, and appends which of the two happened. */
async function move(db: Db, by: number): Promise<string[]> {
  const events = ["head.moved", "head.refused"].map((kind) => prepareEvent({ kind, actor: "system", payload: { by } }, clock.nowMs()));
  const { rows } = await sql<{ kind: string }>`
    with moved as (update journal_head set position = position + ${by} where ${by} > 0 returning position),
    ${eventRows(events, sql`(kind = 'head.moved') = exists (select from moved)`)}
    select kind from event_rows`.execute(db);
  return rows.map((row) => row.kind);
}

test("the statement has a text for one event, one for two, and one for any other number", async (t) => {
  const { db } = await testDatabase(t);
  const textOf = (count: number) =>
    sql`${eventRows(Array.from({ length: count }, () => prepareEvent({ kind: "run.queued", actor: "system" }, 0)))}`.compile(db).sql;
  assert.equal(textOf(0), textOf(3));
  assert.equal(textOf(3), textOf(50));
  assert.equal(new Set([0, 1, 2, 3].map(textOf)).size, 3);
});
