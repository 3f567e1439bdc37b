import assert from "node:assert/strict";
import test from "node:test";
import { DotProducts, STEP } from "./dot-products.ts";
import { cosine, packed } from "./embedder.ts";
import type { Layer } from "./item.ts";
import { VectorTable } from "./vector-table.ts";

/** Numbers from -1 to 1 that are the same on every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function unitVector(next: () => number, dimensions: number): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, () => next() + next() + next());
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

const plainDot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a, (value, at) => value * b[at]!).reduce((sum, part) => sum + part, 0);
const put = (table: VectorTable, vector: Float32Array, item: { itemId: string; layer?: Layer; scope?: string }) =>
  table.put({ layer: "voice", scope: "workspace", ...item, ...packed(vector) });

test("products are those of plain arithmetic, at the ends of the number range too", () => {
  const next = numbers(1);
  for (const stride of [STEP, STEP * 3, 1_536]) {
    const products = new DotProducts(stride, 10);
    products.reserve(40);
    const rows = Array.from({ length: 40 }, (_, row) => Int8Array.from({ length: stride }, () => (row < 2 ? [-128, 127][row]! : Math.round(next() * 127))));
    for (const [row, bytes] of rows.entries()) products.write(row, bytes);
    const query = Int16Array.from({ length: stride }, (_, at) => (at === 0 ? 10_900 : Math.round(next() * 10_900)));
    const got = [0, 10, 20, 30].flatMap((from) => [...products.of(query, from, from + 10)]);
    assert.deepEqual(
      got,
      rows.map((row) => plainDot(query, row)),
    );
    assert.deepEqual([...products.of(query, 5, 5)], []);
  }
});

test("of the ten nearest of an exact scan at least 95 in 100 are found, and in order", async () => {
  const next = numbers(2);
  const dimensions = 100;
  const vectors = Array.from({ length: 3_000 }, () => unitVector(next, dimensions));
  const table = new VectorTable(dimensions);
  for (const [at, vector] of vectors.entries()) put(table, vector, { itemId: `i${at}` });
  let found = 0;
  for (let times = 0; times < 20; times += 1) {
    const query = unitVector(next, dimensions);
    const exact = vectors.map((vector, at) => ({ id: `i${at}`, score: plainDot(query, vector) })).toSorted((a, b) => b.score - a.score);
    const nearest = await table.nearest({ vector: query, layers: ["voice"], scopes: ["workspace"], limitPerLayer: 10 });
    assert.equal(nearest[0], exact[0]!.id);
    found += new Set(nearest).intersection(new Set(exact.slice(0, 10).map(({ id }) => id))).size;
  }
  assert.ok(found >= 190, `${found} of 200`);
});

test("a cosine from signed bytes is within a thousandth", () => {
  const next = numbers(3);
  for (const dimensions of [64, 384, 1_536]) {
    const [a, b] = [unitVector(next, dimensions), unitVector(next, dimensions)];
    assert.ok(Math.abs(cosine(a, packed(b)) - plainDot(a, b)) < 0.001);
    assert.ok(Math.abs(cosine(a, packed(a)) - 1) < 0.001);
  }
  assert.equal(cosine(new Float32Array(64), packed(new Float32Array(64))), 0);
});

test("each layer gets its own nearest, other scopes none, and a newer vector takes the place of the older", async () => {
  const table = new VectorTable(3);
  const [x, y] = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0)];
  for (let at = 0; at < 3_000; at += 1) put(table, y, { itemId: `far${at}` }); // beyond the first memory
  put(table, x, { itemId: "b" });
  put(table, x, { itemId: "a" });
  put(table, Float32Array.of(0.6, 0.8, 0), { itemId: "sop", layer: "sop" });
  put(table, x, { itemId: "secret", scope: "team:other" });
  put(table, y, { itemId: "moved" });
  put(table, x, { itemId: "moved" });
  assert.equal(table.size, 3_005);
  const nearest = (layers: readonly Layer[], scopes: readonly string[]) => table.nearest({ vector: x, layers, scopes, limitPerLayer: 3 });
  assert.deepEqual(await nearest(["voice", "sop"], ["workspace"]), ["a", "b", "moved", "sop"]);
  assert.deepEqual(await nearest(["sop"], ["workspace"]), ["sop"]);
  assert.deepEqual(await nearest(["voice"], ["team:other"]), ["secret"]);
  assert.deepEqual(await nearest(["voice"], []), []);
});
