import assert from "node:assert/strict";
import test from "node:test";
import { compileGlob, normalPath } from "./glob.ts";

const matches = (pattern: string, text: string) => compileGlob(pattern).matches(text);

test("a star stands for any run of characters, none among them, and everything else for itself", () => {
  const yes = [
    ["", ""],
    ["*", ""],
    ["*", "a/b"],
    ["a*", "a"],
    ["*a", "ba"],
    ["a*b*c", "a--b--c"],
    ["a*b*c", "abbc"],
    ["**", "x"],
    ["a**b", "ab"],
    ["*.test.*", "x.test.ts"],
    ["a.c", "a.c"],
    ["[a]?", "[a]?"],
    ["*ab*ab*", "abab"],
    ["a*a", "aa"],
  ];
  const no = [
    ["", "a"],
    ["a", "ab"],
    ["a*", "ba"],
    ["a*b*c", "a--c"],
    ["a*a", "a"],
    ["ab*ba", "aba"],
    ["a.c", "abc"],
    ["*ab*ab*", "ab"],
    ["a*b", "abc"],
    ["*b*", "aaa"],
    ["a*bc*c", "abc"],
  ];
  for (const [pattern, text] of yes) assert.ok(matches(pattern!, text!), `${pattern} matches ${text}`);
  for (const [pattern, text] of no) assert.ok(!matches(pattern!, text!), `${pattern} does not match ${text}`);
});

test("it agrees with a pattern of regular expressions on every small text", () => {
  const texts = Array.from({ length: 3 ** 5 }, (_, number) =>
    number
      .toString(3)
      .padStart(5, "0")
      .replace(/[012]/g, (digit) => "ab"[Number(digit)] ?? ""),
  );
  for (const pattern of ["*", "a*", "*a*", "a*b", "*ab*", "a*a*b", "*b*a*", "ab*ab", "**a**b"]) {
    const expression = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
    for (const text of texts) assert.equal(matches(pattern, text), expression.test(text), `${pattern} and ${text}`);
  }
});

test("the pattern that makes regular expressions hang is decided at once", () => {
  assert.equal(matches("*a".repeat(5_000) + "b", "a".repeat(1_000_000)), false);
});

test("a path has one form, or none", () => {
  assert.deepEqual(["a/b", "./a//b/", "a/./x/../b", "/a/../b", "/", "", "a/..", "a/../..", "..", "/..", "a\0b", "...", "a/..b"].map(normalPath), [
    "a/b",
    "a/b",
    "a/b",
    "/b",
    "/",
    "",
    "",
    null,
    null,
    null,
    null,
    "...",
    "a/..b",
  ]);
});
