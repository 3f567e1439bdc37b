import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActShape, RunDetailShape, TotalsShape } from "../client/shapes.ts";
import { clockText } from "./time.ts";
import { runText } from "./run.ts";

const LOOK = { width: 120, colour: false, nowMs: Date.parse("2026-11-20T14:00:00Z") };

const COSTS = { calls: 0, openCalls: 0, costNanos: 0, unknownCalls: 0, listNanos: 0, estimatedCalls: 0, inputTokens: 0, outputTokens: 0 } as TotalsShape;
const ACT: ActShape = {
  id: "act_1",
  kind: "model",
  name: "chat",
  effect: "read",
  state: "waiting",
  args: {},
  decision: null,
  result: null,
  error: null,
  attempts: 1,
};

const run = (state: string, acts: readonly ActShape[]): RunDetailShape =>
  ({
    id: "run_1",
    attempt: 1,
    state,
    reason: null,
    agent: "helper",
    runner: "model",
    procedure: "chat",
    revision: 3,
    ticketId: null,
    createdAt: "2026-11-20T13:59:00.000Z",
    endedAt: null,
    turns: 1,
    messages: [],
    acts,
    asks: [],
    costs: COSTS,
  }) as unknown as RunDetailShape;

test("a run that a provider turned away says until when it waits, and why; one that waits for a person does not", () => {
  const until = "2026-11-20T14:10:00.000Z";
  const error = { code: "model_usage_limit", message: "plan:big: plan answered 429: usage limit", retryAtMs: Date.parse(until) };
  const stateOf = (acts: readonly ActShape[]) => /^state +(.*)$/m.exec(runText(run("waiting", acts), LOOK))?.[1];
  assert.equal(stateOf([{ ...ACT, error }]), `~ waiting until ${clockText(until, LOOK.nowMs)}: plan:big: plan answered 429: usage limit`);
  assert.equal(
    stateOf([
      { ...ACT, error, state: "failed" },
      { ...ACT, state: "asked" },
    ]),
    "~ waiting",
  );
});
