import assert from "node:assert/strict";
import { test } from "node:test";
import { lineDifference, shortDifference } from "./line-difference.ts";

test("what both texts have stays in order, and the rest is gone or new", () => {
  assert.deepEqual(lineDifference("a\nb\nc\nd\n", "a\nx\nc\ny\nd\n"), ["  a", "- b", "+ x", "  c", "+ y", "  d"]);
  assert.deepEqual(lineDifference("", "a\n"), ["+ a"]);
  assert.deepEqual(lineDifference("a\nb", ""), ["- a", "- b"]);
  assert.deepEqual(lineDifference("same", "same\n"), ["  same"]);
});

test("far from a change lines are left out, and of two very long texts nothing is compared", () => {
  const text = Array.from({ length: 40 }, (_, at) => String(at));
  const changed = text.map((line) => (line === "20" ? "twenty" : line));
  assert.deepEqual(shortDifference(text.join("\n"), changed.join("\n"), 1), ["…", "  19", "- 20", "+ twenty", "  21", "…"]);
  assert.deepEqual(shortDifference("a\nb", "a\nb"), []);
  const long = Array.from({ length: 4_001 }, (_, at) => `line ${at}`);
  assert.equal(lineDifference(["a", ...long].join("\n"), ["b", ...long.toReversed(), "c"].join("\n")).length, 2 * 4_001 + 3);
});
