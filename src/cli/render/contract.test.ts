import assert from "node:assert/strict";
import { test } from "node:test";
import { LOOP_VERBS as CONTRACT } from "#src/pulse/contract/verbs.ts";
import { LOOP_VERBS } from "../loop-verb-table.ts";
import { VERBS } from "../verb-table.ts";
import { contractText } from "./contract.ts";
import { verbHelp } from "./help.ts";
import { columns } from "./width.ts";

const loaded = await Promise.all(Object.entries(LOOP_VERBS).map(async ([name, { summary, load }]) => ({ name, summary, verb: await load() })));
const text = contractText(loaded.map(({ name, summary, verb: { args, about } }) => ({ name, summary, args, about, flags: [] })));

test("the contract that is printed has every verb that the server takes, with its line, in 80 columns", () => {
  // `ask` and `run` of the command line wait by `ask wait` and `run wait`
  const missing = CONTRACT.map(({ name }) => name).filter((name) => !Object.hasOwn(LOOP_VERBS, name) && !Object.hasOwn(VERBS, name) && !name.endsWith(" wait"));
  assert.deepEqual(missing, []);
  for (const { name, summary, verb } of loaded) {
    assert.ok(text.includes(`\n  loop _ ${name} ${verb.args}`.trimEnd()), name);
    assert.ok(text.replaceAll(/\s+/g, " ").includes(summary), summary);
  }
  for (const line of text.split("\n").filter((one) => !one.startsWith("  loop _ "))) assert.ok(columns(line) <= 80, line);
});

test("every verb that the contract names in its words is one that there is", () => {
  const named = [...text.replaceAll(/\s+/g, " ").matchAll(/(?:`loop |\bloop (?=_))(_ )?([a-z]+)(?: ([a-z]+))?/g)].map(
    ([, machine = "", first = "", second = ""]) => ({
      table: machine === "" ? VERBS : LOOP_VERBS,
      names: [`${first} ${second}`, first],
      machine,
    }),
  );
  assert.ok(named.length > 20);
  for (const { table, names, machine } of named)
    assert.ok(
      names.some((name) => name === "help" || name.startsWith("help ") || Object.hasOwn(table, name)),
      `loop ${machine}${names[0]}`,
    );
});

for (const { name, summary, verb } of loaded) {
  test(`the help of loop _ ${name} has its usage, its flags and an example that begins with it`, () => {
    const help = verbHelp({ name: `_ ${name}`, summary, verb });
    assert.ok(
      verb.examples.some((example) => example.includes(`loop _ ${name}`)),
      `no example of loop _ ${name}`,
    );
    for (const flag of [...Object.keys(verb.flags), "json", "help"]) assert.ok(help.includes(`--${flag}`), flag);
  });
}
