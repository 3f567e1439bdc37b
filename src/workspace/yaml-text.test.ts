import assert from "node:assert/strict";
import test from "node:test";
import type { Fault } from "./problem.ts";
import { readYaml } from "./yaml-text.ts";

function valueOf(text: string): unknown {
  const read = readYaml(text);
  if (read.kind === "faults") assert.fail(JSON.stringify(read.faults));
  return read.document.value;
}

function faultsOf(text: string): readonly Fault[] {
  const read = readYaml(text);
  if (read.kind === "ok") assert.fail(`was read as ${JSON.stringify(read.document.value).slice(0, 80)}`);
  return read.faults;
}

test("YAML 1.2 and JSON are read as plain values", () => {
  assert.deepEqual(valueOf("a: yes\nb: 1.5\nc: [x, true, null]\nd: 2026-01-01\n1: one\n"), {
    a: "yes",
    b: 1.5,
    c: ["x", true, null],
    d: "2026-01-01",
    "1": "one",
  });
  assert.deepEqual(valueOf('{\n\t"a": "\\u00e9\\ud83d\\ude00\\/",\n\t"b": [1, -2e3]\n}'), { a: "é😀/", b: [1, -2000] });
  assert.equal(valueOf(""), null);
  assert.deepEqual(valueOf("a: &x [1]\nb: *x\n"), { a: [1], b: [1] });
});

test("each part is found at its line and column, of a part that is missing the nearest there is", () => {
  const read = readYaml("rules:\n  - name: a\n    when:\n      kind: tool\n", 10);
  if (read.kind === "faults") assert.fail();
  const { locate } = read.document;
  assert.deepEqual(locate(["rules", 0, "when", "kind"]), { line: 13, column: 13 });
  assert.deepEqual(locate(["rules", 0, "when", "kind"], "key"), { line: 13, column: 7 });
  assert.deepEqual(locate(["rules", 0, "why"]), { line: 11, column: 5 });
  assert.deepEqual(locate([]), { line: 10, column: 1 });
});

test("a field that comes twice is refused where it comes the second time", () => {
  assert.deepEqual(faultsOf("a: 1\nb:\n  c: 1\n  c: 2\n"), [
    { line: 4, column: 3, path: "b.c", seen: "the field c a second time", expected: "each field once" },
  ]);
  assert.deepEqual(faultsOf('{"a": 1, "a": 2}'), [{ line: 1, column: 10, path: "a", seen: "the field a a second time", expected: "each field once" }]);
});

test("syntax faults say where", () => {
  const [first] = faultsOf("a: 1\nb: [1, 2\nc: 3\n");
  assert.equal(first?.line, 3);
  assert.match(first.seen, /^what is not YAML/);
});

test("what YAML could smuggle in is refused by name", () => {
  const seen = (text: string) => faultsOf(text)[0]?.seen;
  assert.equal(seen("a: !!js/function 'x'"), "the tag !!js/function");
  assert.equal(seen("a: !secret x"), "the tag !secret");
  assert.equal(seen("%YAML 1.1\n---\na: yes\n"), "a directive line (%)");
  assert.equal(seen("---\na: 1\n---\nb: 2\n"), "a second document (---)");
  assert.equal(seen("__proto__: { admin: true }"), "a field whose name cannot be used");
  assert.equal(seen("? [a, b]\n: 1\n"), "a field whose name cannot be used");
  assert.equal(seen("a: .inf"), "the number Infinity");
  assert.equal(seen('a: "\\ud800"'), "a text with characters that cannot be stored");
  assert.equal(seen('a: "x\\0"'), "a text with characters that cannot be stored");
  assert.equal(seen("a: *nobody"), "the alias *nobody");
});

test("text that only looks like a tag or an alias is text", () => {
  assert.deepEqual(valueOf("a: '!no'\nb: \"*no\"\nc: x!y\nd: |\n  %no\n  ---\n  &no\n"), { a: "!no", b: "*no", c: "x!y", d: "%no\n---\n&no\n" });
});

const many = (text: string, count: number) => text.repeat(count);

/** A hostile text, and the bound at which it was left: read to their ends, several of these take seconds or gigabytes. */
const BOMBS: readonly (readonly [name: string, text: string, seen: string])[] = [
  ["a billion laughs", "a: &a [x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c]\ne: [*d,*d,*d]\n", "more than 20 uses of aliases (*)"],
  ["an alias of itself", "a: &a [*a, *a]", "more than 20 uses of aliases (*)"],
  ["few aliases of very much", `a: &a [${many("x,", 20_000)}]\nb: [${many("*a,", 19)}]`, "more than 120000 values"],
  ["a megabyte of aliases", `- &a 1\n${many("- *a\n", 200_000)}`, "more than 20 aliases (*)"],
  ["a megabyte of anchors", many("- &a 1\n", 140_000), "more than 20 anchors (&)"],
  ["a megabyte of brackets", many("[", 1_000_000), "values nested more than 32 deep"],
  ["a megabyte of braces", many("{", 1_000_000), "values nested more than 32 deep"],
  ["a megabyte of dashes", many("- ", 500_000), "values nested more than 32 deep"],
  ["a megabyte of question marks", many("? ", 500_000), "values nested more than 32 deep"],
  ["a staircase of fields", Array.from({ length: 1_400 }, (_, depth) => `${many(" ", depth)}a:\n`).join(""), "values nested more than 32 deep"],
  ["forty lists in lists", many("[", 40) + many("]", 40), "values nested more than 32 deep"],
  ["a megabyte of fields", Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`).join(""), "a file of more than 120000 parts"],
  ["a megabyte of empty lines", many("\n", 1_000_000), "a file of more than 120000 parts"],
  ["a megabyte of documents", many("---\n", 250_000), "a second document (---)"],
];

test("bombs are refused at the first bound that they break", () => {
  for (const [name, text, seen] of BOMBS)
    assert.deepEqual(
      faultsOf(text).map((fault) => fault.seen),
      [seen],
      name,
    );
});

test("of a file that is wrong in every token only the first faults are told, and stack traces are as they were", () => {
  const before = Error.stackTraceLimit;
  assert.equal(faultsOf(many("[]", 40_000)).length, 5);
  assert.equal(Error.stackTraceLimit, before);
});
