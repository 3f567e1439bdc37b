import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "../load.ts";

const said = (schemas: string): string => {
  const text = `apiVersion: loopwright.dev/v1\nkind: Service\nname: ask\nstartingAgent: desk\nagents: [desk]\n${schemas}\n`;
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, "services/ask.yaml": text }));
  return parsed.kind === "ok" ? "sound" : parsed.problems.map(({ file, line, path, expected }) => `${file}:${line} ${path}: ${expected}`).join("; ");
};

test("a schema that cannot be read is a problem of its file, not of every call", () => {
  const read = "services/ask.yaml:6";
  assert.equal(said("input: { type: object, properties: { a: { type: string } } }"), "sound");
  assert.equal(said("input: { type: object, properties: { a: { type: strng } } }"), `${read} input: a JSON Schema that can be read: Unsupported type: strng`);
  assert.match(said('output: { type: object, properties: { a: { $ref: "#/$defs/nope" } } }'), /6 output: a JSON Schema that can be read: Reference not found/);
  assert.match(said('output: { type: string, pattern: "(" }'), /6 output: a JSON Schema that can be read: Invalid regular expression/);
  assert.equal(said("input: { type: string }"), `${read} input: the schema of an object, which is what a body is`);
  assert.equal(said("output: { type: string }"), "sound");
});
