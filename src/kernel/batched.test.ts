import assert from "node:assert/strict";
import { test } from "node:test";
import { batched } from "./batched.ts";

/** Work that is over when the test says so. */
function heldWork() {
  const pieces: { readonly items: readonly number[]; end(): void; fail(): void }[] = [];
  const work = (items: readonly number[]): Promise<readonly string[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    pieces.push({ items, end: () => resolve(items.map(String)), fail: () => reject(new Error(`no ${items.join()}`)) });
    return promise;
  };
  return { work, pieces, seen: () => pieces.map(({ items }) => items) };
}

const turn = (): Promise<void> => new Promise(setImmediate);

test("an idle caller waits for nobody; who comes meanwhile is in the next piece, and a piece that fails fails for its own alone", async () => {
  const { work, pieces, seen } = heldWork();
  const give = batched(work, { most: 2 });
  const given = [1, 2, 3, 4].map((item) => give(item));
  const settled = Promise.allSettled(given);
  assert.deepEqual(seen(), [[1]]);
  pieces[0]!.end();
  await turn();
  assert.deepEqual(seen(), [[1], [2, 3]]);
  pieces[1]!.fail();
  await turn();
  pieces[2]!.end();
  assert.deepEqual(
    (await settled).map((one) => (one.status === "fulfilled" ? one.value : "failed")),
    ["1", "failed", "failed", "4"],
  );
  void give(5);
  assert.deepEqual(seen().at(-1), [5]);
});

test("those who wait for nothing are gathered for a time, or until there are enough, or until somebody hurries", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { work, pieces, seen } = heldWork();
  const give = batched(work, { most: 3, gatherMs: 20 });
  void give(1);
  void give(2);
  assert.deepEqual(seen(), []);
  t.mock.timers.tick(20);
  assert.deepEqual(seen(), [[1, 2]]);
  void give(3);
  pieces[0]!.end();
  await turn();
  assert.deepEqual(seen(), [[1, 2]], "the next are gathered anew");
  void give(4);
  void give(5);
  assert.deepEqual(seen().at(-1), [3, 4, 5], "there are enough");
  void give(6);
  let isOver = false;
  const flushed = give.flush().then(() => (isOver = true));
  pieces[1]!.end();
  await turn();
  assert.deepEqual([seen().at(-1), isOver], [[6], false]);
  pieces[2]!.end();
  await flushed;
  t.mock.timers.tick(20); // the time of what was hurried is over too
  await give.flush();
  void give(7);
  t.mock.timers.tick(20);
  assert.deepEqual(seen().at(-1), [7]);
});
