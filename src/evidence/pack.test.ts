import assert from "node:assert/strict";
import { test } from "node:test";
import type { Act } from "#src/acts/act.ts";
import { buildPack, type PackInput } from "./pack.ts";

const act = (name: string, attempts: number): Act => ({
  id: `act_${name}` as Act["id"],
  runId: "run_1" as Act["runId"],
  kind: "tool",
  name,
  args: {},
  turn: 1,
  ordinal: 0,
  effect: "read",
  state: attempts > 0 ? "done" : "denied",
  key: `act_${name}`,
  facts: {},
  binding: "b",
  askId: null,
  decision: null,
  handle: null,
  result: null,
  error: null,
  attempts,
});

const input = (change: Partial<PackInput>): PackInput => ({
  workspace: "team",
  host: "here",
  policyRevision: 3,
  sandbox: "required",
  unconfined: [],
  run: { id: "run_1", agent: "desk", runner: "model", procedure: "chat", attempt: 1, revision: 3, turns: 1, createdAtMs: 0 },
  ticket: null,
  acts: [],
  asks: [],
  messages: [],
  cost: { calls: 0, costNanos: 0, listNanos: 0, unknownCalls: 0, estimatedCalls: 0 },
  ending: { state: "done", said: "ok", checked: "unchecked" },
  endedAtMs: 1,
  ...change,
});

test("a run that called a program outside the sandbox says so among its risks; one that did not call it does not", () => {
  const unconfined = ["notes", "tracker"];
  const acts = [act("notes.read", 1), act("tracker.create", 0), act("brain.search", 1)];
  assert.deepEqual(buildPack(input({ unconfined, acts })).risks, ["the program of the tool server notes ran without a sandbox"]);
  assert.deepEqual(buildPack(input({ acts })).risks, []);
});
