import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { indexed } from "#src/brain/indexed.ts";
import { type Memory, MEMORY_SCOPES, type MemoryScope, toItem } from "#src/brain/memory.ts";
import { insertItems } from "#src/brain/store/insert-items.ts";
import { inTransaction } from "#src/database/open.ts";
import { newId } from "#src/kernel/ids.ts";
import { eventsOf } from "#src/people/people-fixture.ts";
import { httpFixture } from "./http-fixture.ts";

async function withMemories(t: TestContext) {
  const fixture = await httpFixture(t);
  const { db, clock } = fixture;
  const mia = await fixture.person("mia", ["viewer"]);
  const nowMs = clock.nowMs();
  const keep = async (scope: MemoryScope): Promise<string> => {
    const id = newId("mem", nowMs);
    const memory: Memory = {
      id,
      kind: "fact",
      text: `the words of ${scope.kind}`,
      about: scope.kind === "channel" ? "release day" : null,
      scope,
      agent: "helper",
      person: null,
      source: { run: newId("run", nowMs), ticket: null, act: newId("act", nowMs) },
      taint: ["outside", "agent"],
      sawPrivate: false,
      rememberedAtMs: nowMs,
      expiresAtMs: Date.UTC(2200, 0, 1),
      ask: null,
      against: [],
    };
    await inTransaction(db, (tx) => insertItems(tx, [indexed(toItem(memory))], "aFew"));
    return id;
  };
  const ids = new Map<string, string>();
  for (const kind of MEMORY_SCOPES) ids.set(kind, await keep({ kind, of: kind === "person" ? mia.principal.id : kind === "workspace" ? "" : "x" }));
  return { ...fixture, mia, ids };
}

test("whoever reads sees what agents remember, page by page, but for what is about another person", async (t) => {
  const { call, person, mia, ids } = await withMemories(t);
  const vera = await person("vera", ["owner"]);
  const seen = async (query: string, as = vera) =>
    (await call(`GET /v1/memories${query}`, { as })).body.memories.map(({ scope }: { scope: MemoryScope }) => scope.kind);
  assert.deepEqual(await seen(""), ["channel", "agent", "workspace", "ticket"]);
  assert.deepEqual(await seen("", mia), ["channel", "agent", "workspace", "ticket", "person"]);
  assert.deepEqual(await seen("?scope=person"), []);
  assert.deepEqual(await seen("?about=Release%20Day"), ["channel"]);
  assert.deepEqual(await seen("?agent=nobody"), []);
  const first = (await call("GET /v1/memories?limit=2", { as: vera })).body;
  assert.equal(first.next, ids.get("agent"));
  assert.deepEqual(await seen(`?limit=2&after=${first.next}`), ["workspace", "ticket"]);
  assert.equal((await call("GET /v1/memories?scope=all", { as: vera })).status, 422);
  const story = (await call(`GET /v1/memories/${ids.get("channel")}`, { as: vera })).body;
  assert.deepEqual([story.trust, story.untrusted, story.told, story.state], ["outside", true, [], "kept"]);
  assert.deepEqual((await call(`GET /v1/memories/${ids.get("person")}`, { as: vera })).body.code, "memory_unknown");
  assert.deepEqual((await call(`GET /v1/memories/${ids.get("person")}`, { as: mia })).status, 200);
  assert.equal((await call("GET /v1/memories/mem_1", { as: vera })).status, 404);
});

test("operators forget, a person what is about them, nobody else, and once", async (t) => {
  const { call, person, mia, ids, db } = await withMemories(t);
  const codes = async (scope: string, as: typeof mia) => {
    const { status, body } = await call(`DELETE /v1/memories/${ids.get(scope)}`, { as });
    return status === 200 ? "forgotten" : (body.code as string);
  };
  const otto = await person("otto", ["operator"]);
  const reading = await person("reading", ["owner"], { scopes: ["read"] });
  assert.equal(await codes("channel", mia), "permission_missing");
  assert.equal(await codes("channel", reading), "permission_missing");
  assert.equal(await codes("person", reading), "memory_unknown");
  assert.equal(await codes("person", mia), "forgotten");
  assert.equal(await codes("channel", otto), "forgotten");
  assert.equal(await codes("channel", otto), "memory_unknown");
  const forgotten = (await eventsOf(db)).filter(({ kind }) => kind === "memory.forgotten");
  assert.deepEqual(
    forgotten.map(({ actor, payload }) => [actor, (payload as { memory: string }).memory]),
    [
      [mia.principal.id, ids.get("person")],
      [otto.principal.id, ids.get("channel")],
    ],
  );
  assert.equal(JSON.stringify(await eventsOf(db)).includes("the words of"), false);
});
