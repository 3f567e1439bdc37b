import assert from "node:assert/strict";
import test from "node:test";
import { snippetOf } from "./snippet.ts";

test("a short text is shown whole, in one line and without the marks of Markdown lists and headings", () => {
  assert.equal(snippetOf("# Gas\n\n- Turn it off.\n- Then call.", ["call"]), "Gas Turn it off. Then call.");
});

test("a long text is shown round the first word that was found, cut between words, in 240 characters at most", () => {
  const body = `${"before ".repeat(80)}the socket is wet ${"after ".repeat(80)}`;
  const snippet = snippetOf(body, ["nowhere", "socket"]);
  assert.match(snippet, /^… before (before )*the socket is wet (after )+…$/);
  assert.ok(snippet.length <= 240 && snippet.length > 200, `${snippet.length} characters`);
  assert.match(snippetOf(body, []), /^before .* before …$/);
});

test("a text without a place to cut is cut all the same, and never within a character", () => {
  assert.ok(snippetOf("x".repeat(5_000), []).length <= 240);
  assert.ok(snippetOf("𠮷".repeat(5_000), []).isWellFormed());
  const chinese = snippetOf("冷氣在插座旁邊滴水，很危險！".repeat(100), ["危險"]);
  assert.ok(chinese.length <= 240 && chinese.includes("危險"));
});
