import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { settingsDocument } from "./document.ts";
import { INTERNAL_NAMES, SETTINGS } from "./schema.ts";

const FILE = join(import.meta.dirname, "..", "..", "docs", "settings.md");

test("docs/settings.md is what the table of settings says", () => {
  assert.equal(readFileSync(FILE, "utf8"), settingsDocument(), "write the text that settingsDocument() gives to docs/settings.md");
});

test("every setting is in the document, once, and nothing internal is", () => {
  const named = [...settingsDocument().matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(
    named,
    Object.values(SETTINGS).map((row) => row.name),
  );
  for (const name of INTERNAL_NAMES) assert.ok(!settingsDocument().includes(name));
});
