import assert from "node:assert/strict";
import { test } from "node:test";
import { repetition } from "./loop-breaker.ts";
import type { RunState } from "./run.ts";

const after = (kind: string, times: number) => {
  const act = { kind, name: "box.run", args: { command: "deploy" }, state: "done", facts: { callId: "c" }, result: "ok", error: null };
  return repetition({ run: { agent: "helper" }, asks: [], acts: Array.from({ length: times }, () => act) } as unknown as RunState);
};

test("the same call with the same result is no accident the fourth time, a command of the shell as little as a tool", () => {
  assert.deepEqual([after("tool", 3), after("shell", 3)], [undefined, undefined]);
  assert.deepEqual([after("tool", 4)?.kind, after("shell", 4)?.kind], ["ask", "ask"]);
});
