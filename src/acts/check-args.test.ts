import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#src/kernel/canonical-json.ts";
import { argsProblem, schemaProblem } from "./check-args.ts";

const ISSUE: Json = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: {
    title: { type: "string", minLength: 3, pattern: "^[A-Z]" },
    labels: { type: "array", items: { enum: ["bug", "feature"] } },
    at: { type: "object", properties: { line: { type: "integer" } }, required: ["line"] },
  },
  required: ["title"],
  additionalProperties: false,
};

test("arguments that fit are no problem, and each that does not is named with what was seen and what was expected", () => {
  assert.equal(argsProblem(ISSUE, { title: "Broken door", labels: ["bug"], at: { line: 3 } }), null);
  assert.equal(argsProblem(ISSUE, {}), "title: missing");
  assert.equal(argsProblem(ISSUE, { title: "Broken", lable: 1 }), "lable: no such field");
  assert.equal(argsProblem(ISSUE, { title: 7 }), "title: got 7, expected string");
  assert.equal(argsProblem(ISSUE, { title: "broken" }), 'title: got "broken", expected a text like "^[A-Z]"');
  assert.equal(argsProblem(ISSUE, { title: "Broken", labels: ["bug", "urgent"] }), 'labels.1: got "urgent", expected one of ["bug","feature"]');
  assert.equal(argsProblem(ISSUE, { title: "Broken", at: {} }), "at.line: missing");
  assert.equal(argsProblem(ISSUE, "Broken"), 'the arguments: got "Broken", expected object');
});

test("schemas of the older kind are read as they were meant, and patterns that only work without u are read without it", () => {
  const older: Json = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    properties: { pair: { items: [{ type: "string" }, { type: "number" }] } },
  };
  assert.equal(argsProblem(older, { pair: ["a", 1] }), null);
  assert.equal(argsProblem(older, { pair: ["a", "b"] }), 'pair.1: got "b", expected number');
  assert.equal(argsProblem({ type: "object", properties: { a: { type: "string", pattern: "^\\-$" } } }, { a: "-" }), null);
});

test("a schema may refer to its own parts, and a property may be called as a word of the language is", () => {
  const tree: Json = { type: "object", properties: { next: { $ref: "#" }, $ref: { type: "string" }, $id: { type: "number" } }, additionalProperties: false };
  assert.equal(argsProblem(tree, { next: { next: { $ref: "x", $id: 1 } } }), null);
  assert.equal(argsProblem(tree, { next: { next: { other: 1 } } }), "next.next.other: no such field");
});

const nested = (depth: number): Json => (depth === 0 ? { type: "string" } : { properties: { a: nested(depth - 1) } });
const doubled = (depth: number): Json => ({
  $ref: "#/$defs/d0",
  $defs: Object.fromEntries(
    Array.from({ length: depth }, (_, at) => [
      `d${at}`,
      at === depth - 1 ? { type: "string" } : { anyOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
    ]),
  ),
});

for (const [what, schema, why] of [
  ["refers to another address", { properties: { a: { $ref: "https://example.org/schema.json" } } }, /refers to "https:\/\/example\.org/],
  ["refers to a file", { $ref: "file:///etc/passwd" }, /refers to "file:/],
  ["has a name that others could find", { properties: { a: { $id: "https://json-schema.org/draft/2020-12/schema" } } }, /has \$id below its top/],
  ["is nested too deep", nested(60), /nested more than 48 deep/],
  ["is a megabyte", { description: "x".repeat(1_048_576) }, /larger than/],
  ["has too many parts", { enum: Array.from({ length: 30_000 }, (_, at) => at) }, /larger than/],
  ["is no object", [1], /no object/],
  ["is no JSON Schema", { type: "strange" }, /cannot be used/],
] as const) {
  test(`a schema that ${what} is refused`, () => {
    assert.match(schemaProblem(schema as Json) ?? "", why);
    assert.match(argsProblem(schema as Json, {}) ?? "", why);
  });
}

test("a schema whose compilation was stopped on a busy machine is compiled anew, and others go on", (t) => {
  t.mock.method(process, "threadCpuUsage", () => ({ user: 0, system: 0 })); // nothing of the time was ours
  const large = (least: number): Json => {
    const members = Array.from({ length: 2_500 }, (_, at) => [`p${at}`, { type: "string", minLength: least, enum: ["a", `b${at}`] }] as const);
    return { type: "object", properties: Object.fromEntries(members) };
  };
  assert.doesNotMatch(schemaProblem(large(1)) ?? "", /implementation error/);
  assert.equal(schemaProblem({ type: "object", properties: { text: { type: "string", minLength: 1 } } }), null);
});

test("what takes too long is stopped and refused: a pattern that explodes, alternatives that double, a schema that only refers to itself", () => {
  const slow: Json = { type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } };
  assert.match(argsProblem(slow, { a: `${"a".repeat(60)}b` }) ?? "", /could not be checked within 100 ms: it takes too long/);
  assert.equal(argsProblem(slow, { a: "aaa" }), null);
  assert.match(argsProblem(doubled(40), 1) ?? "", /could not be checked within 100 ms/);
  assert.match(argsProblem({ allOf: [{ $ref: "#" }] }, {}) ?? "", /could not be checked|cannot be used/);
});

test("arguments beyond a megabyte, or nested without end, are refused before they are looked at", () => {
  assert.match(argsProblem({ type: "object" }, { a: "x".repeat(1_048_577) }) ?? "", /larger than 1 MB/);
  let deep: Json = null;
  for (let at = 0; at < 5_000; at += 1) deep = [deep];
  assert.match(argsProblem({ type: "object" }, { deep }) ?? "", /nested more than 200 deep/);
});
