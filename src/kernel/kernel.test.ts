import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, digestOf } from "./canonical-json.ts";
import { ERRORS, LoopError } from "./errors.ts";
import { isId, newId } from "./ids.ts";
import { createLog } from "./log.ts";
import { createRedactor } from "./redaction.ts";
import { storableJson } from "./storable-json.ts";

test("the canonical form sorts members by code unit, keeps no white space, and refuses what has no form", () => {
  assert.equal(
    canonicalJson({ b: [1, 1e21, 0.1], a: "é\n", "\u{1F600}": null, "\uFF00": true, x: undefined }),
    '{"a":"é\\n","b":[1,1e+21,0.1],"\u{1F600}":null,"\uFF00":true}',
  );
  assert.equal(digestOf({ a: 1, b: 2 }), digestOf({ b: 2, a: 1 }));
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, "\uD800"]) assert.throws(() => canonicalJson(value), TypeError);
});

test("whatever comes from outside becomes storable, and storing it twice changes nothing", () => {
  const hostile = { text: "a\0b\uD800", number: Number.NaN, list: [undefined, () => 1, 1n], "k\0": { deep: new Date(0) } };
  const stored = storableJson(hostile);
  assert.deepEqual(stored, { text: "a\uFFFDb\uFFFD", number: null, list: [null, null, null], "k\uFFFD": { deep: {} } });
  assert.deepEqual(storableJson(stored), stored);
  assert.doesNotThrow(() => canonicalJson(stored));
});

test("ids sort by time, also within a millisecond and when the clock steps back, and say what they name", () => {
  const ids = [...Array.from({ length: 5_000 }, () => newId("run", 1_700_000_000_000)), newId("run", 1_600_000_000_000), newId("run", 1_800_000_000_000)];
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual([isId("run", ids[0]!), isId("act", ids[0]!), isId("run", "run_../etc"), isId("run", "run_")], [true, false, false, false]);
});

test("a secret is taken out of every line that is logged, in each of its forms", () => {
  const secret = 'p@ss "wörd"/+1';
  const redactor = createRedactor();
  const lines: string[] = [];
  const log = createLog({ clock: { nowMs: () => 0 }, redactor, level: "info", write: (line) => lines.push(line) });
  redactor.learn(secret);
  const error = new LoopError("secret_unavailable", `it was ${secret}`, { cause: new Error(encodeURIComponent(secret)) });
  log.error("failed", { error, body: Buffer.from(secret).toString("base64"), nested: { secret } });
  log.debug("not written", {});
  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0]!, /w(ö|%C3%B6)rd/);
  assert.match(lines[0]!, /\[secret\]/);
});

test("of an error its words, code, facts and cause are logged, and nothing that it drags along", () => {
  const lines: string[] = [];
  const log = createLog({ clock: { nowMs: () => 0 }, redactor: createRedactor(), level: "info", write: (line) => lines.push(line) });
  const error = Object.assign(new Error("cut off", { cause: new LoopError("storage_full", "no room", { facts: { freeMb: 1 } }) }), {
    code: "57P01",
    client: { password: "hunter22" },
  });
  log.warn("broke", { error });
  const said = JSON.parse(lines[0]!) as { error: Record<string, unknown> & { cause: Record<string, unknown> } };
  assert.deepEqual(
    [said.error["code"], said.error["message"], said.error["client"], said.error.cause["facts"]],
    ["57P01", "cut off", undefined, { freeMb: 1 }],
  );
});

test("a log that cannot be written throws nothing", () => {
  const log = createLog({ clock: { nowMs: () => 0 }, redactor: createRedactor(), level: "debug", write: () => assert.fail("the pipe is closed") });
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  assert.doesNotThrow(() => log.info("circular", circular));
  assert.doesNotThrow(() => log.info("closed"));
});

test("an error knows its status and whether to try again", () => {
  const error = new LoopError("storage_full", "no room", { facts: { freeMb: 1 } });
  assert.deepEqual(
    { status: error.httpStatus, retry: error.retry, facts: error.facts },
    { status: ERRORS.storage_full.httpStatus, retry: "later", facts: { freeMb: 1 } },
  );
});
