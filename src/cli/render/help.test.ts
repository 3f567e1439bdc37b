import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { VERBS } from "../verb-table.ts";
import { bashScript, fishScript, zshScript } from "./completion.ts";
import { overview, verbHelp } from "./help.ts";
import { columns } from "./width.ts";

const loaded = await Promise.all(Object.entries(VERBS).map(async ([name, { summary, load }]) => ({ name, summary, verb: await load() })));

for (const { name, summary, verb } of loaded) {
  test(`the help of ${name} has its usage, its flags, an example that begins with it, and the exit codes, in 80 columns`, () => {
    const text = verbHelp({ name, summary, verb });
    assert.ok(verb.examples.length > 0 && verb.examples.some((example) => example.includes(`loop ${name}`)), `no example of loop ${name}`);
    for (const flag of [...Object.keys(verb.flags), "json", "help"]) assert.ok(text.includes(`--${flag}`), flag);
    assert.match(text, /Exit codes: 0 done, 1 refused or failed, 2 usage, 3 no server, 4 no such thing/);
    for (const line of text.split("\n").filter((one) => !verb.examples.includes(one.trim()))) assert.ok(columns(line) <= 80, line);
  });
}

test("the overview lists every verb once and documents every exit code, in 80 columns", () => {
  const text = overview();
  for (const name of Object.keys(VERBS)) assert.equal(text.split("\n").filter((line) => line.startsWith(`  ${name} `)).length, 1, name);
  for (const code of [0, 1, 2, 3, 4, 70]) assert.match(text, new RegExp(`^  ${code} `, "m"));
  for (const line of text.split("\n")) assert.ok(columns(line) <= 80, line);
});

const SPOKEN = loaded.map(({ name, summary, verb }) => ({ name, summary, flags: Object.keys(verb.flags), takesAsk: verb.args.includes("ask") }));

function completed(...typed: string[]): string[] {
  const words = typed.map((word) => `'${word}'`).join(" ");
  const program = `loop() { echo '{"id":"ask_0199c0ffee00712a8b6e5d4c3b2a1908"}'; }\n${bashScript(SPOKEN)}\nCOMP_WORDS=(loop ${words}); COMP_CWORD=${typed.length}; _loop; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", program], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

test("bash completes verbs, their second words, their flags and the questions that are open", () => {
  assert.deepEqual(completed("ap"), ["apply", "approve"]);
  assert.deepEqual(completed("audit", ""), ["export", "verify"]);
  assert.deepEqual(completed("send", "--ext"), ["--external-id"]);
  assert.deepEqual(completed("brain", "search", "--cat"), ["--category"]);
  assert.deepEqual(completed("approve", "ask"), ["ask_0199c0ffee00712a8b6e5d4c3b2a1908"]);
});

const has = (shell: string): boolean => {
  try {
    execFileSync(shell, ["-c", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

for (const [shell, script] of [
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
] as const) {
  test(`the completion script for ${shell} is valid`, { skip: !has(shell) && `${shell} is not installed` }, () => {
    execFileSync(shell, ["-n"], { input: script(SPOKEN) });
  });
}
