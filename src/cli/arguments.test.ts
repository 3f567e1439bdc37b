import assert from "node:assert/strict";
import { test } from "node:test";
import { labelPairs, readArguments, UsageError } from "./arguments.ts";
import type { Verb } from "./verb.ts";

const SEND = {
  args: "<text>",
  words: { least: 1, most: 1 },
  flags: { sender: { takes: "text", means: "" }, label: { takes: "list", value: "key=value", means: "" }, wait: { means: "" } },
  takesLabels: true,
} as const satisfies Pick<Verb, "args" | "words" | "flags" | "takesLabels">;

async function read(...args: string[]) {
  const given = await readArguments("send", SEND, args);
  return { words: given.words, sender: given.text("sender"), label: given.list("label"), wait: given.has("wait"), labels: given.labels };
}

test("flags stand anywhere, with = or a space, and any other --key=value is a label", async () => {
  assert.deepEqual(await read("--sender", "ana", "--label=a=1", "the tap drips", "--label", "b=2", "--property=warm_taipei_2br", "--wait"), {
    words: ["the tap drips"],
    sender: "ana",
    label: ["a=1", "b=2"],
    wait: true,
    labels: { property: "warm_taipei_2br" },
  });
});

test("after -- nothing is a flag, and a text may begin with a dash and a space or a digit", async () => {
  assert.deepEqual((await read("--", "--wait")).words, ["--wait"]);
  assert.deepEqual((await read("- drips")).words, ["- drips"]);
  assert.deepEqual((await read("-5 degrees")).words, ["-5 degrees"]);
  assert.deepEqual((await read("-")).words, ["-"]);
});

const WRONG: readonly (readonly [args: readonly string[], said: RegExp])[] = [
  [[], /Something is missing after `loop send`\. Expected: loop send <text>/],
  [["one", "two", "three"], /more than expected: "two" "three"\. .*stands in quotes/],
  [["x", "--sendr=ana"], /no flag --sendr\. Did you mean --sender\?/],
  [["x", "--colour"], /no flag --colour\. `loop send --help`/],
  [["x", "-w"], /no flag -w/],
  [["x", "--sender"], /--sender has no value/],
  [["x", "--sender", "--wait"], /--sender has no value/],
  [["x", "--sender=a", "--sender=b"], /--sender came twice/],
  [["x", "--wait=yes"], /--wait takes no value, and got "yes"/],
];

for (const [args, said] of WRONG) {
  test(`${JSON.stringify(args)} is refused with what was expected`, async () => {
    await assert.rejects(read(...args), (error: Error) => error instanceof UsageError && said.test(error.message));
  });
}

test("a verb that takes no labels refuses what is no flag of it", async () => {
  await assert.rejects(readArguments("asks", { args: "", words: { least: 0, most: 0 }, flags: {} }, ["--property=x"]), /asks has no flag --property/);
});

test("with --help nothing else need be there", async () => {
  assert.equal((await readArguments("send", SEND, ["--help"])).has("help"), true);
  assert.equal((await readArguments("send", SEND, ["-h"])).has("help"), true);
});

test("a label pair has a key and a value; the value may hold =", () => {
  assert.deepEqual(labelPairs("label", ["a=1", "b=x=y"]), { a: "1", b: "x=y" });
  for (const wrong of ["a", "=1", "a="]) assert.throws(() => labelPairs("label", [wrong]), /Expected key=value/);
});
