import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { askOnTerminal } from "./terminal-question.ts";

/** As a terminal has it: each key by itself, until raw mode is left, which fails where the terminal is gone. */
function terminal(leaveRawMode: (input: PassThrough) => void = () => undefined) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => !isRaw && leaveRawMode(input) });
  const output = Object.assign(new PassThrough(), { isTTY: true });
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
  assert.match(unsure.shown(), /Type a to approve, d to deny/);
});

test("an answer from elsewhere, the end of input and a terminal that is gone leave the decision open and break nothing", async () => {
  const elsewhere = terminal();
  elsewhere.ending.abort();
  assert.equal(await elsewhere.choice, "later");
  const ended = terminal();
  ended.input.end();
  assert.equal(await ended.choice, "later");
  const gone = terminal((input) => input.emit("error", Object.assign(new Error("setRawMode EIO"), { code: "EIO", syscall: "setRawMode" })));
  gone.input.end();
  assert.equal(await gone.choice, "later");
});
