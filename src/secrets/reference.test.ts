import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { describeSource, parseReference } from "./reference.ts";

test("every form of a reference is read", () => {
  const references = [
    "secret:github_token",
    "secret:env",
    "secret:env:GITHUB_TOKEN",
    "secret:file:/run/secrets/a b",
    "secret:command:vault-github",
    'secret:command:["op","read","op://a/b"]',
  ];
  assert.deepEqual(references.map(parseReference), [
    { kind: "named", name: "github_token" },
    { kind: "named", name: "env" },
    { kind: "env", variable: "GITHUB_TOKEN" },
    { kind: "file", path: "/run/secrets/a b" },
    { kind: "namedCommand", name: "vault-github" },
    { kind: "command", argv: ["op", "read", "op://a/b"] },
  ]);
});

test("what is no reference is refused without being quoted: it may be the key itself", () => {
  const wrong = [
    "sk-Canary-1234",
    "secret:",
    "secret:sk-Canary-1234",
    "secret:env:",
    "secret:env:A B",
    "secret:file:relative",
    "secret:file:/a\0b",
    "secret:command:[]",
    'secret:command:[""]',
    'secret:command:["a",1]',
    'secret:command:{"a":1}',
    "secret:command:Canary",
    "Secret:a",
    "secret:env:A\nB",
  ];
  for (const text of wrong) {
    assert.throws(
      () => parseReference(text),
      (error) => error instanceof LoopError && error.code === "input_invalid" && !/Canary/.test(`${error.message}${JSON.stringify(error)}`),
      text,
    );
  }
});

test("a command is called by its program alone", () => {
  assert.equal(describeSource({ kind: "command", argv: ["op", "read", "op://vault/item"] }), "command:op");
});
