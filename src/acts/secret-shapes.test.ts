import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor } from "#src/kernel/redaction.ts";
import { secretIn } from "./secret-shapes.ts";

const VALUE = "Vq7-plum-Tractor-19-lamp/Orbit";
const redactor = createRedactor();
redactor.learn(VALUE);
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const hex = (text: string): string => Buffer.from(text).toString("hex");

const FORMS: Readonly<Record<string, string>> = {
  "as it is": `use ${VALUE} please`,
  "broken up": Array.from(VALUE).join("\u200b "),
  base64: base64(VALUE),
  "within base64": base64(`the key is ${VALUE}, keep it`),
  "base64 after other letters": `x${base64(`key: ${VALUE}`)}`,
  "base64 of base64": base64(`see ${base64(`the key ${VALUE}`)}`),
  hexadecimal: `0x${hex(VALUE)}`,
  "percent signs": `https://x/?q=${VALUE.replaceAll(/[a-z]/g, (letter) => `%${hex(letter)}`)}`,
  "percent signs over base64": encodeURIComponent(base64(`+++ ${VALUE}`)),
};

for (const [form, text] of Object.entries(FORMS)) {
  test(`a secret is found in what goes outside: ${form}`, () => {
    assert.equal(secretIn({ to: "x", notes: [{ text }] }, redactor), "notes.0.text holds the value of a secret");
    assert.match(secretIn({ [text]: 1 }, redactor) ?? "", /the name of a field/);
  });
}

test("a secret that is spread over several texts is found, and a key by its looks within base64", () => {
  assert.equal(secretIn({ a: VALUE.slice(0, 12), b: [VALUE.slice(12)] }, createRedactor()), null);
  assert.match(secretIn({ a: VALUE.slice(0, 12), b: [VALUE.slice(12)] }, redactor) ?? "", /several of its texts/);
  assert.match(secretIn({ a: base64(`-- sk-${"a1B2".repeat(8)} --`) }, redactor) ?? "", /a key of a model provider/);
});

test("what holds no secret passes: addresses, digests, pictures in base64, long texts", () => {
  const picture = base64(String.fromCodePoint(...Array.from({ length: 3_000 }, (_, at) => (at * 7) % 256)));
  const text = `https://example.com/a/very/long/path-with-words_in_it?d=${hex("a harmless text of some length")} ${picture} ${"word ".repeat(5_000)}`;
  assert.equal(secretIn({ text, sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }, redactor), null);
});
