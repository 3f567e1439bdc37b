import assert from "node:assert/strict";
import { test } from "node:test";
import { viewRunDetail } from "./run-view.ts";

const act = (more: object) => ({ id: "act_1", kind: "tool", state: "done", facts: {}, args: {}, result: null, ...more });
const STATE = {
  run: { id: "run_1", limits: { requestedBy: "prn_mia" }, createdAtMs: 0, endedAtMs: null },
  ticket: null,
  acts: [
    act({ name: "memory.remember", facts: { callId: "c1" }, args: { text: "Mia likes tea" }, result: { id: "mem_1", scope: "person" } }),
    act({ name: "memory.recall", args: { text: "tea" }, result: { memories: [{ text: "Mia likes tea" }], scope: "person" } }),
    act({ name: "memory.recall", args: { text: "ship" }, result: { memories: [{ text: "Ship on Friday" }], scope: "channel" } }),
  ],
  messages: [
    { seq: 1, role: "input", content: { text: "note it" } },
    {
      seq: 2,
      role: "thought",
      content: {
        text: "",
        toolCalls: [
          { callId: "c1", name: "memory.remember", args: { text: "Mia likes tea" } },
          { callId: "c2", name: "x", args: { a: 1 } },
        ],
      },
    },
  ],
  asks: [],
};

const shownTo = (id: string): string => JSON.stringify(viewRunDetail(STATE as never, { costs: undefined, caller: { id } as never }));

test("a run shows what is remembered about a person to that person alone, and everything else to whoever may read it", () => {
  const [mia, vera] = [shownTo("prn_mia"), shownTo("prn_vera")];
  assert.equal(mia.split("Mia likes tea").length - 1, 3);
  assert.doesNotMatch(vera, /likes tea/);
  assert.match(vera, /what is remembered about a person is shown to that person alone/);
  for (const text of ["Ship on Friday", "note it", '"a":1']) assert.ok(vera.includes(text), text);
});
