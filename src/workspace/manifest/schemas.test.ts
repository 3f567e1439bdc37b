import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { readYaml } from "../yaml-text.ts";
import { fileNameOf, jsonSchemaOf, KINDS } from "./schemas.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "workspaces");

test("every kind has a schema with a title and words, and its members that need words have them", () => {
  for (const [kind, { members }] of Object.entries(KINDS)) {
    const schema = jsonSchemaOf(kind)!;
    const properties = schema["properties"] as Record<string, { description?: string }>;
    assert.equal(schema["title"], kind);
    assert.ok(String(schema["description"]).length > 20, kind);
    for (const [member, words] of Object.entries(members)) assert.equal(properties[member]?.description, words, `${kind}.${member}`);
  }
  assert.equal(jsonSchemaOf("Agnet"), undefined);
  assert.equal(jsonSchemaOf("constructor"), undefined);
  assert.deepEqual([fileNameOf("ToolServer"), fileNameOf("OpenLoopAgent"), fileNameOf("Agent")], ["tool-server.json", "open-loop-agent.json", "agent.json"]);
});

test("the files of every sample fit the schema of their kind, and a wrong word in one does not", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const fits = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, ajv.compile(jsonSchemaOf(kind)!)]));
  let count = 0;
  for (const entry of readdirSync(ROOT, { recursive: true, withFileTypes: true }).filter(
    ({ name, parentPath }) => name.endsWith(".yaml") && !parentPath.endsWith("samples"),
  )) {
    const read = readYaml(readFileSync(join(entry.parentPath, entry.name), "utf8"));
    assert.ok(read.kind === "ok");
    const value = read.document.value as { kind: string };
    const check = fits[value.kind]!;
    assert.ok(check(value), `${entry.parentPath}/${entry.name}: ${ajv.errorsText(check.errors)}`);
    assert.equal(check({ ...value, nonsense: true }), false, entry.name);
    count += 1;
  }
  assert.ok(count > 20);
});
