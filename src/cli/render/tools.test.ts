import assert from "node:assert/strict";
import { test } from "node:test";
import { definitionText } from "./tools.ts";

test("a changed definition is shown line by line, with everything hidden written out and what to type", () => {
  const approved = { digest: "1".repeat(64), definition: { name: "read", description: "Reads.", inputSchema: { type: "object" } } };
  const now = { digest: "2".repeat(64), definition: { description: "Reads.\u200b", inputSchema: { type: "object" }, name: "read", annotations: { a: 1 } } };
  assert.equal(
    definitionText({ name: "docs.read", approved, now }),
    [
      "docs.read changed since it was approved (- approved, + now).",
      "  {",
      '-   "description": "Reads.",',
      '+   "annotations": {',
      '+     "a": 1',
      "+   },",
      '+   "description": "Reads.⟨U+200B⟩",',
      '    "inputSchema": {',
      '      "type": "object"',
      "    },",
      '    "name": "read"',
      "  }",
      "",
      `loop tools approve docs.read --digest ${"2".repeat(64)}`,
    ].join("\n"),
  );
  assert.match(definitionText({ name: "docs.read", approved: null, now }), /^docs\.read is new: nobody has approved it\.\n\+ \{/);
  assert.match(definitionText({ name: "docs.read", approved, now: null }), /has docs\.read no more/);
});
