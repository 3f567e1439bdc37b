import assert from "node:assert/strict";
import { test } from "node:test";
import { schemaProblem } from "#src/testing/mcp-gateway.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { listedTool, offerOf } from "./definition.ts";

const PLAIN = { name: "note", description: "Writes a note.", inputSchema: { type: "object", properties: { text: { type: "string", description: "what" } } } };
const digest = (more: object): string => listedTool({ ...PLAIN, ...more }).digest;

test("one changed character of name, description, schema or annotations is another definition; the order of members is not", () => {
  const changed = [
    { description: "Writes a  note." },
    { name: "Note" },
    { inputSchema: { ...PLAIN.inputSchema, required: ["text"] } },
    { annotations: { readOnlyHint: true } },
    { title: "Note\u200b" },
    { description: "lone \ud800" },
  ].map(digest);
  assert.equal(new Set([digest({}), ...changed]).size, changed.length + 1);
  assert.equal(listedTool({ inputSchema: PLAIN.inputSchema, description: PLAIN.description, name: "note" }).digest, digest({}));
});

const offer = (more: object): ReturnType<typeof offerOf> => offerOf(listedTool({ ...PLAIN, ...more }).definition, schemaProblem);

test("a model is told nothing hidden: it is written out where it explains, and turns the tool off where it counts", () => {
  const told = offer({ description: "Safe\u202e.etirw\u200b \u{e0041}", inputSchema: { type: "object", properties: { text: { description: "a\u0007b" } } } });
  assert.deepEqual(told, {
    kind: "usable",
    description: "Safe\\u{202e}.etirw\\u{200b} \\u{e0041}",
    schema: { type: "object", properties: { text: { description: "a\\u{7}b" } } },
  });
  const long = offer({ description: "x".repeat(10_000) });
  assert.ok(long.kind === "usable" && long.description.endsWith("… [cut: 4000 of 10000 characters]"));
  for (const hidden of [{ properties: { "te\u200bxt": {} } }, { properties: { a: { enum: ["ok\u202e"] } } }, { properties: { a: { const: "\u0001" } } }]) {
    const off = offer({ inputSchema: { type: "object", ...hidden } });
    assert.ok(off.kind === "unusable" && /hidden characters|too deep/.test(off.why), JSON.stringify(off));
  }
});

const deep = (depth: number): Json => (depth === 0 ? {} : { properties: { a: deep(depth - 1) } });

for (const [what, more, why] of [
  ["a name that is a path", { name: "../../etc" }, /cannot be used/],
  ["a name with a line feed", { name: "a\nb" }, /cannot be used/],
  ["a schema that refers elsewhere", { inputSchema: { $ref: "https://example.org/x" } }, /outside itself/],
  ["a schema without end", { inputSchema: deep(500) }, /too deep/],
  ["no schema", { inputSchema: undefined }, /no object/],
  ["a definition of many bytes", { description: "x".repeat(600_000) }, /is the most/],
] as const) {
  test(`a tool with ${what} is off and says why`, () => {
    const off = offer(more);
    assert.ok(off.kind === "unusable" && why.test(off.why), JSON.stringify(off));
  });
}
