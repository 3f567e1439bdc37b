import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { askOnTerminal } from "./terminal-question.ts";

function terminal() {
  const input = new PassThrough();
  const output = new PassThrough();
  const ending = new AbortController();
  let interrupted = 0;
  const choice = askOnTerminal("Approve? ", { input, output, signal: ending.signal, interrupted: () => (interrupted += 1) });
  return { input, choice, ending, interrupted: () => interrupted, shown: () => String(output.read() ?? "") };
}

test("a word decides, in short or whole and in any case; anything else is asked again", async () => {
  for (const [typed, choice] of [
    ["a\n", "approve"],
    ["YES\n", "approve"],
    [" deny \n", "deny"],
    ["later\n", "later"],
  ] as const) {
    const at = terminal();
    at.input.write(typed);
    assert.equal(await at.choice, choice);
  }
  const unsure = terminal();
  unsure.input.write("hm\nd\n");
  assert.equal(await unsure.choice, "deny");
  assert.match(unsure.shown(), /Approve\? Type a to approve/);
});

test("an answer from elsewhere, the end of input and a terminal that is gone leave the decision open and break nothing", async () => {
  const elsewhere = terminal();
  elsewhere.ending.abort();
  assert.equal(await elsewhere.choice, "later");
  const ended = terminal();
  ended.input.end();
  assert.equal(await ended.choice, "later");
  const gone = terminal();
  gone.input.destroy(Object.assign(new Error("read EIO"), { code: "EIO", syscall: "read" }));
  assert.equal(await gone.choice, "later");
});
