import assert from "node:assert/strict";
import { test } from "node:test";
import type { Act } from "#src/acts/act.ts";
import type { Trust } from "#src/policy/trust.ts";
import { readSoFar } from "./read-so-far.ts";
import type { RunBrief, RunState } from "./run.ts";

const READS = { private: true, untrusted: true };

function readBy(act: Partial<Act>, more: { brief?: RunBrief; trust?: Trust } = {}) {
  const acts = [{ name: "crm.read", state: "done", attempts: 1, facts: {}, result: {}, ...act }];
  return readSoFar({ run: { brief: more.brief ?? {} }, ticket: null, messages: [{ trust: more.trust ?? "owner" }], acts } as unknown as RunState);
}

test("what a tool says of its failure counts like a result, and one that was never called does not", () => {
  assert.deepEqual(readBy({ state: "failed", facts: READS }), { taint: ["owner", "tool"], sawPrivate: true });
  assert.deepEqual(readBy({ state: "failed", attempts: 0, facts: READS }), { taint: ["owner"], sawPrivate: false });
  assert.deepEqual(readBy({ state: "denied", attempts: 0, facts: READS }), { taint: ["owner"], sawPrivate: false });
});

test("a hit of the brain that a stranger may have worded is untrusted, and those that are trusted say nothing of who asked", () => {
  const found = (...trusts: Trust[]) => readBy({ name: "brain.search", result: { hits: trusts.map((trust) => ({ trust })) } }, { trust: "member" });
  assert.deepEqual(found("owner", "learned"), { taint: ["member", "learned"], sawPrivate: false });
  assert.deepEqual(found("owner"), { taint: ["member"], sawPrivate: false });
});

test("what was read before the run began counts", () => {
  assert.deepEqual(readBy({}, { brief: { taint: ["outside", "tool"], sawPrivate: true } }), { taint: ["owner", "outside", "tool"], sawPrivate: true });
});
