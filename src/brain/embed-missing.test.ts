import assert from "node:assert/strict";
import test from "node:test";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { brainItem } from "#src/testing/brain-item.ts";
import { testDatabase } from "#src/testing/database.ts";
import { hashEmbedder } from "#src/testing/hash-embedder.ts";
import { embedMissing } from "./embed-missing.ts";
import type { BrainEmbedder } from "./embedder.ts";
import { exactScan } from "./exact-scan.ts";
import { reindex } from "./reindex.ts";

const memo = (source: string, body: string) => brainItem("voice", { source, title: "", body });
const store = (db: Db, bodies: Readonly<Record<string, string>>) =>
  inTransaction(db, async (tx) =>
    reindex(
      tx,
      Object.entries(bodies).map(([source, body]) => memo(source, body)),
    ),
  );

/** Sees what is embedded, and may do something in between. */
function watched(inner: BrainEmbedder, before: (texts: readonly string[]) => Promise<void> = () => Promise.resolve()) {
  const texts: string[] = [];
  const embedder: BrainEmbedder = {
    ...inner,
    async embed(batch, signal) {
      await before(batch);
      texts.push(...batch.map((text) => text.trim()));
      return inner.embed(batch, signal);
    },
  };
  return { embedder, texts };
}

test("only what has no vector of this embedder is embedded", async (t) => {
  const { db } = await testDatabase(t);
  await store(db, { a: "gas", b: "flour" });
  const { embedder, texts } = watched(hashEmbedder());
  assert.equal(await embedMissing(db, embedder, AbortSignal.any([])), 2);
  assert.equal(await embedMissing(db, embedder, AbortSignal.any([])), 0);
  await store(db, { a: "gas", b: "butter" });
  assert.equal(await embedMissing(db, embedder, AbortSignal.any([])), 1);
  assert.deepEqual(texts, ["gas", "flour", "butter"]);
  assert.equal(await embedMissing(db, { ...embedder, id: "another" }, AbortSignal.any([])), 2);
});

test("what was embedded before a failure or an end stays, and the rest follows", async (t) => {
  const { db } = await testDatabase(t);
  await store(db, Object.fromEntries(Array.from({ length: 150 }, (_, at) => [`m${at}`, `text ${at}`])));
  let calls = 0;
  const failing = watched(hashEmbedder(), () => ((calls += 1) === 2 ? Promise.reject(new LoopError("embedder_unavailable", "no route")) : Promise.resolve()));
  await assert.rejects(embedMissing(db, failing.embedder, AbortSignal.any([])), (error) => error instanceof LoopError && error.code === "embedder_unavailable");
  const ended = new AbortController();
  const ending = watched(hashEmbedder(), () => Promise.resolve(ended.abort(new Error("enough"))));
  await assert.rejects(embedMissing(db, { ...ending.embedder, embed: (texts) => ending.embedder.embed(texts, AbortSignal.any([])) }, ended.signal), /enough/);
  assert.equal(await embedMissing(db, hashEmbedder(), AbortSignal.any([])), 22);
});

test("an item that changed while it was embedded gets no vector of its old text", async (t) => {
  const { db } = await testDatabase(t);
  await store(db, { a: "gas" });
  const { embedder, texts } = watched(hashEmbedder(), async (batch) => void (batch[0]!.includes("gas") && (await store(db, { a: "flour" }))));
  assert.equal(await embedMissing(db, embedder, AbortSignal.any([])), 0);
  assert.equal(await embedMissing(db, embedder, AbortSignal.any([])), 1);
  assert.deepEqual(texts, ["gas", "flour"]);
});

test("an embedder that breaks its promise is named, and nothing of it is kept", async (t) => {
  const { db } = await testDatabase(t);
  await store(db, { a: "gas", b: "flour" });
  const wrong: readonly Float32Array[][] = [
    [new Float32Array(64)],
    [new Float32Array(64), new Float32Array(63)],
    [new Float32Array(64), new Float32Array(64).fill(Number.NaN)],
  ];
  for (const vectors of wrong) {
    const embedder = { ...hashEmbedder(), embed: () => Promise.resolve(vectors) };
    await assert.rejects(
      embedMissing(db, embedder, AbortSignal.any([])),
      (error) => error instanceof LoopError && error.code === "embedder_unavailable" && error.message.includes("hash-64"),
    );
  }
  const { rows } = await sql`select * from brain_vectors`.execute(db);
  assert.deepEqual(rows, []);
});

test("a scan sees what was embedded since the last one, and starts afresh when much of what it holds is gone", async (t) => {
  const { db } = await testDatabase(t);
  const embedder = hashEmbedder();
  const index = exactScan(embedder);
  const [vector] = await embedder.embed(["gas first"], AbortSignal.any([]));
  const nearest = () => index.nearest(db, { vector: vector!, layers: ["voice"], scopes: ["workspace"], limitPerLayer: 1 });
  assert.deepEqual(await nearest(), []);
  await store(db, { a: "gas first" });
  await embedMissing(db, embedder, AbortSignal.any([]));
  assert.deepEqual(await Promise.all([nearest(), nearest(), nearest()]), [["voice:a"], ["voice:a"], ["voice:a"]]);
  await store(db, { a: "flour", b: "gas first" });
  await embedMissing(db, embedder, AbortSignal.any([]));
  assert.deepEqual(await nearest(), ["voice:b"]);
  const many = Object.fromEntries(Array.from({ length: 1_100 }, (_, at) => [`m${at}`, `gas first ${at}`]));
  await store(db, { b: "gas first", ...many });
  await embedMissing(db, embedder, AbortSignal.any([]));
  await nearest();
  await store(db, { c: "gas" });
  await embedMissing(db, embedder, AbortSignal.any([]));
  assert.deepEqual(await nearest(), ["voice:c"], "what is gone is not proposed for ever");
});

test("two databases of one process are never mixed up", async (t) => {
  const embedder = hashEmbedder();
  const [vector] = await embedder.embed(["gas"], AbortSignal.any([]));
  for (const source of ["a", "b"]) {
    const { db } = await testDatabase(t);
    await store(db, { [source]: "gas" });
    await embedMissing(db, embedder, AbortSignal.any([]));
    assert.deepEqual(await exactScan(embedder).nearest(db, { vector: vector!, layers: ["voice"], scopes: ["workspace"], limitPerLayer: 9 }), [
      `voice:${source}`,
    ]);
  }
});
