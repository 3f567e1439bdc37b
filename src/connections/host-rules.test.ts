import assert from "node:assert/strict";
import { test } from "node:test";
import { hostRules } from "./host-rules.ts";
import { readTarget } from "./target.ts";

const passes = (patterns: readonly string[], text: string): boolean => {
  const target = readTarget(text);
  return target.ok && hostRules(patterns)(target.url);
};

const RULES = ["allowed.com", "*.example.com", "own.test:8443", "bücher.example"];

test("a host that was named passes, in every spelling that means the same host", () => {
  const good = [
    "https://allowed.com/",
    "http://allowed.com/x?y=1#z",
    "https://ALLOWED.COM/",
    "https://allowed.com:443/",
    "https://a.example.com/",
    "https://a.b.example.com/",
    "https://own.test:8443/",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
    "https://allowed。com/",
  ];
  assert.deepEqual(
    good.filter((text) => !passes(RULES, text)),
    [],
  );
});

test("another host does not pass, however it is spelt", () => {
  const bad = [
    "https://evil\u0000.allowed.com/",
    "https://evil%00.allowed.com/",
    "https://evil.com\u0000.allowed.com/",
    "https://allowed.com\u0000.evil.com/",
    "https://allowed.com./",
    "https://allowed.com.evil/",
    "https://notallowed.com/",
    "https://example.com/",
    "https://evilexample.com/",
    "https://allowed.com@evil.com/",
    "https://evil.com@allowed.com/",
    "https://allowed.com:pw@evil.com/",
    "https://evil.com\\@allowed.com/",
    "https://evil.com#@allowed.com/",
    "https://evil.com/?allowed.com",
    "https://allowed.com:8443/",
    "https://own.test/",
    "https://own.test:8444/",
    "https://allowed.com\t.evil.com/",
    "https://all\nowed.com/",
    " https://allowed.com/",
    "ftp://allowed.com/",
    "file:///etc/passwd",
    "//allowed.com/",
    "https:allowed.com",
    "https://аllowed.com/",
    "https://[::ffff:169.254.169.254]/",
    "http://0x7f000001/",
    "",
  ];
  assert.deepEqual(
    bad.filter((text) => passes(RULES, text)),
    [],
  );
});
