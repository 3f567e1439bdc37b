import assert from "node:assert/strict";
import test from "node:test";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { brainItem } from "#src/testing/brain-item.ts";
import { testDatabase } from "#src/testing/database.ts";
import { hashEmbedder } from "#src/testing/hash-embedder.ts";
import { embedMissing } from "./embed-missing.ts";
import { forget, forgetExpired, type NewLesson, rememberLesson } from "./lessons.ts";
import { reindex } from "./reindex.ts";
import { listItems } from "./store/list-items.ts";

const lesson = (facts: Partial<NewLesson> = {}): NewLesson => ({
  id: newId("lsn", 0),
  source: "tkt_1",
  title: "Gas first",
  body: "Turn the gas off before the oven is opened.",
  data: {},
  labels: {},
  categories: [],
  scope: "workspace",
  trust: "learned",
  author: null,
  language: null,
  happenedAtMs: null,
  expiresAtMs: null,
  ...facts,
});

/** Row versions: what was not written has the same. */
async function rowVersions(db: Db): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; xmin: string }>`select id, xmin::text as xmin from brain_items order by id`.execute(db);
  return new Map(rows.map((row) => [row.id, row.xmin]));
}

/** What the counts should be, counted anew. */
async function miscounted(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    with real as (
      select word, layer, scope, count(*) as items
      from brain_items cross join unnest(array_append(tsvector_to_array(words), '')) as word
      where id not in (select item_id from brain_uncounted) group by word, layer, scope)
    select * from real full join brain_words using (word, layer, scope) where real.items is distinct from brain_words.items`.execute(db);
  return rows;
}

test("only what changed is written again, what is gone is removed, and lessons stay", async (t) => {
  const { db } = await testDatabase(t);
  const oven = brainItem("sop", { source: "oven.md", body: "Turn the gas off." });
  const flour = brainItem("sop", { source: "flour.md", body: "Call the mill." });
  const memo = brainItem("voice", { source: "memo.md", body: "Bread first." });
  const kept = lesson();
  await inTransaction(db, (tx) => rememberLesson(tx, kept));
  assert.deepEqual(await inTransaction(db, (tx) => reindex(tx, [oven, flour, memo])), { added: 3, changed: 0, removed: 0, kept: 0 });
  await embedMissing(db, hashEmbedder(), AbortSignal.any([]));
  const before = await rowVersions(db);

  assert.deepEqual(await inTransaction(db, (tx) => reindex(tx, [oven, flour, memo])), { added: 0, changed: 0, removed: 0, kept: 3 });
  assert.deepEqual(await rowVersions(db), before);

  const changed = brainItem("sop", { source: "flour.md", body: "Call the other mill." });
  const added = brainItem("entity", { source: "shops.yaml#lisbon" });
  assert.deepEqual(await inTransaction(db, (tx) => reindex(tx, [changed, oven, added])), { added: 1, changed: 1, removed: 1, kept: 1 });
  const after = await rowVersions(db);
  assert.deepEqual([...after.keys()].toSorted(), [added.id, kept.id, changed.id, oven.id].toSorted());
  assert.deepEqual(
    [...after].filter(([id, version]) => before.get(id) === version).map(([id]) => id),
    [kept.id, oven.id].toSorted(),
  );
  const { rows: embedded } = await sql<{ item_id: string }>`select item_id from brain_vectors order by item_id`.execute(db);
  assert.deepEqual(
    embedded.map((row) => row.item_id),
    [kept.id, oven.id].toSorted(),
    "a changed text has no vector until it gets a new one",
  );
  assert.deepEqual(await miscounted(db), []);
});

test("an item comes back as it was given", async (t) => {
  const { db } = await testDatabase(t);
  const item = brainItem("history", {
    source: "brain/history/2025.yaml#leak",
    title: "O'Leary's \\ leak",
    body: "水が漏れた 'a' | b & !c:* \\x00",
    phrases: ["漏水", "it's wet"],
    data: { costUsd: 12.5, vendor: null },
    labels: { property: "p1" },
    categories: ["leak"],
    trust: "member",
    author: "ana",
    language: "ja",
    happenedAtMs: Date.UTC(2025, 1, 3, 4, 5, 6, 789),
    expiresAtMs: Date.UTC(2999, 0, 1),
  });
  await inTransaction(db, (tx) => reindex(tx, [item]));
  assert.deepEqual(await listItems(db, { scopes: ["workspace"], limit: 10 }), [item]);
});

test("a reindex that comes while another is under way starts from what that one leaves", async (t) => {
  const { db } = await testDatabase(t);
  const some = (from: number) => Array.from({ length: 30 }, (_, at) => brainItem("sop", { source: `s${from + at}.md`, body: `common word${from + at}` }));
  const second = await inTransaction(db, async (tx) => {
    await reindex(tx, some(0));
    const waiting = inTransaction(db, async (other) => reindex(other, some(10)));
    while (!(await someoneWaits(db))) continue;
    return () => waiting;
  });
  assert.deepEqual(await second(), { added: 10, changed: 0, removed: 10, kept: 20 });
  assert.equal((await listItems(db, { scopes: ["workspace"], limit: 100 })).length, 30);
  assert.deepEqual(await miscounted(db), []);
});

async function someoneWaits(db: Db): Promise<boolean> {
  const { rows } = await sql<{ waits: boolean }>`
    select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock') as waits`.execute(db);
  return rows[0]!.waits;
}

test("two items under one name are refused by the name of the file", async (t) => {
  const { db } = await testDatabase(t);
  const twice = [brainItem("sop", { source: "a.md" }), brainItem("sop", { source: "a.md" })];
  await assert.rejects(
    inTransaction(db, async (tx) => reindex(tx, twice)),
    (error) => error instanceof LoopError && error.code === "workspace_invalid" && error.message.includes("a.md"),
  );
});

test("texts of any size and content are kept and can be removed again", async (t) => {
  const { db } = await testDatabase(t);
  const distinct = Array.from({ length: 120_000 }, (_, at) => `w${at}`).join(" ");
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const characters = Array.from({ length: 200_000 }, () => String.fromCodePoint(0x4e00 + ((next() >>> 12) % 20_011))).join("");
  const hostile = [
    "' | 'x' & !'y':*A \\' \\\\",
    "a\0b\ud800c",
    distinct,
    characters,
    "冷".repeat(400_000),
    `${"x".repeat(500_000)}''`,
    "$1 ${words}; drop table brain_items; --",
    "",
  ];
  const items = hostile.map((body, at) => brainItem("voice", { source: `v${at}.md`, title: body.slice(0, 200), body, phrases: [body.slice(0, 100)] }));
  await inTransaction(db, async (tx) => reindex(tx, items));
  const { rows: sizes } = await sql<{ most: number }>`select max(length(words)) as most from brain_items`.execute(db);
  assert.equal(sizes[0]!.most, 4_000, "Postgres silently garbles the words of a tsvector beyond a megabyte");
  assert.deepEqual(
    (await listItems(db, { scopes: ["workspace"], limit: 100 })).map((item) => item.body),
    hostile.map((body) => body.replaceAll("\0", "").toWellFormed()),
  );
  assert.deepEqual(await inTransaction(db, async (tx) => reindex(tx, [])), { added: 0, changed: 0, removed: hostile.length, kept: 0 });
  const { rows } = await sql`select * from brain_words union all select tag, layer, scope, 1 from brain_tags`.execute(db);
  assert.deepEqual(rows, []);
});

test("a lesson is kept once, forgotten once, and no file's item can be forgotten", async (t) => {
  const { db } = await testDatabase(t);
  const item = brainItem("sop", { source: "oven.md", body: "gas" });
  await inTransaction(db, (tx) => rememberLesson(tx, lesson()).then(() => reindex(tx, [item])));
  const kept = lesson();
  const results = [];
  for (const step of [rememberLesson, rememberLesson]) results.push(await inTransaction(db, (tx) => step(tx, kept)));
  for (const id of [item.id, kept.id, kept.id, "' or true"]) results.push(await inTransaction(db, (tx) => forget(tx, id)));
  assert.deepEqual(results, [true, false, false, true, false, false]);
  const listed = await listItems(db, { scopes: ["workspace"], limit: 10 });
  assert.deepEqual([listed.length, listed.some(({ id }) => id === kept.id)], [2, false]);
  assert.deepEqual(await miscounted(db), []);
});

test("a lesson waits for nobody who writes another or counts", async (t) => {
  const { db } = await testDatabase(t);
  await inTransaction(db, async (outer) => {
    await reindex(outer, [brainItem("sop", { source: "oven.md", body: "the oven" })]);
    await rememberLesson(outer, lesson());
    assert.equal(await inTransaction(db, (inner) => rememberLesson(inner, lesson())), true);
  });
});

test("a lesson whose time is over is not listed, and is removed when asked", async (t) => {
  const database = await testDatabase(t);
  const { db } = database;
  const { rows } = await sql<{ now: Date }>`select loop_now() as now`.execute(db);
  const nowMs = rows[0]!.now.getTime();
  const [short, long, lasting] = [lesson({ expiresAtMs: nowMs + 60_000 }), lesson({ expiresAtMs: nowMs + 600_000 }), lesson()];
  for (const one of [short, long, lasting]) await inTransaction(db, (tx) => rememberLesson(tx, one));
  await database.advance(120_000);
  const listed = async () => (await listItems(db, { scopes: ["workspace"], limit: 10 })).map(({ id }) => id);
  assert.deepEqual(await listed(), [long.id, lasting.id].toSorted());
  assert.deepEqual([await inTransaction(db, forgetExpired), await inTransaction(db, forgetExpired)], [1, 0]);
  assert.deepEqual(await listed(), [long.id, lasting.id].toSorted());
});

test("a list keeps to layers, scopes and labels, page by page", async (t) => {
  const { db } = await testDatabase(t);
  const item = (source: string, scope: string, property: string) => brainItem("sop", { source, scope, labels: { property, floor: "1" } });
  await inTransaction(db, (tx) =>
    reindex(tx, [item("a", "workspace", "p1"), item("b", "workspace", "p2"), item("c", "team:x", "p1"), brainItem("voice", { source: "d" })]),
  );
  const ids = async (query: Partial<Parameters<typeof listItems>[1]>) =>
    (await listItems(db, { scopes: ["workspace"], limit: 10, ...query })).map(({ source }) => source);
  assert.deepEqual(await ids({}), ["a", "b", "d"]);
  assert.deepEqual(await ids({ scopes: ["workspace", "team:x"], labels: { property: "p1" } }), ["a", "c"]);
  assert.deepEqual(await ids({ layers: ["voice"] }), ["d"]);
  assert.deepEqual(await ids({ scopes: [] }), []);
  assert.deepEqual(await ids({ after: "sop:a", limit: 1 }), ["b"]);
});
