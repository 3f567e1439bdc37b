import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { loadEnvFile } from "./env-file.ts";

function folderWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "loopwright-env-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, ".env"), text);
  return folder;
}

test("keys, quotes, export, comments and several lines are read", (t) => {
  const text = `\uFEFF# how we run\r
PLAIN=one two\r
 export EXPORTED = yes # said so
HASH=a#b
EMPTY=
COMMENT=# nothing
SINGLE='as $it \\n stands' # ok
DOUBLE="a\\tb \\"c\\" \\$d \\\\ \\x"
PEM="-----BEGIN-----
abc
-----END-----"
LAST=end`;
  assert.deepEqual(loadEnvFile(folderWith(t, text)), {
    PLAIN: "one two",
    EXPORTED: "yes",
    HASH: "a#b",
    EMPTY: "",
    COMMENT: "",
    SINGLE: "as $it \\n stands",
    DOUBLE: 'a\tb "c" $d \\ \\x',
    PEM: "-----BEGIN-----\nabc\n-----END-----",
    LAST: "end",
  });
});

test("the real environment wins, even when it is empty", (t) => {
  const folder = folderWith(t, "A=file\nB=file\nC=file\n");
  assert.deepEqual(loadEnvFile(folder, { A: "real", B: "", C: undefined, D: "real" }), { A: "real", B: "", C: "file", D: "real" });
});

test("without the file the environment stays as it is", () => {
  assert.deepEqual(loadEnvFile("/nowhere", { A: "real" }), { A: "real" });
});

test("every broken line is told by its number, and never by what it says", (t) => {
  const folder = folderWith(t, "A=1\nsk-hunter22\n\n2B=x\nC='multi\nline'\nD=\"x\" hunter22\nE='hunter22\n");
  assert.throws(
    () => loadEnvFile(folder),
    new LoopError(
      "settings_invalid",
      `4 problems in ${folder}/.env:
  line 2: expected KEY=value, a comment or nothing
  line 4: expected KEY=value, a comment or nothing
  line 7: expected nothing but a comment after the closing quote of D
  line 8: the quote that opens the value of E is never closed`,
    ),
  );
});

test("a file that cannot be read is an error, not an empty one", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "loopwright-env-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, ".env"));
  assert.throws(() => loadEnvFile(folder), /\.env cannot be read \(EISDIR\)\. Expected a text file that this account may read, or none\.$/);
});
