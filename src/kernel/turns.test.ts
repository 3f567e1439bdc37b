import assert from "node:assert/strict";
import { test } from "node:test";
import { createTurns } from "./turns.ts";

const never = new AbortController().signal;

test("so many have a turn at once, and the others get theirs in order", async () => {
  const turns = createTurns(2);
  const order: number[] = [];
  const first = await turns.take(never);
  await turns.take(never);
  const waiting = [3, 4].map(async (number) => {
    const leave = await turns.take(never);
    order.push(number);
    leave();
  });
  await Promise.resolve();
  assert.deepEqual([turns.taken(), order], [2, []]);
  first();
  await Promise.all(waiting);
  assert.deepEqual([turns.taken(), order], [1, [3, 4]]);
});

test("whoever is stopped while waiting leaves the others their places, also when it was being called at that moment", async () => {
  const turns = createTurns(1);
  const leave = await turns.take(never);
  const stopped = new AbortController();
  const gone = turns.take(stopped.signal);
  const others = [turns.take(never), turns.take(never)];
  leave();
  stopped.abort();
  await assert.rejects(gone, { code: "tool_failed", message: "The call was stopped before it was its turn. Nothing was done." });
  (await others[0]!)();
  (await others[1]!)();
  assert.equal(turns.taken(), 0);
  await assert.rejects(turns.take(stopped.signal), { code: "tool_failed" });
  assert.equal(turns.taken(), 0);
});
