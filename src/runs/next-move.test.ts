import assert from "node:assert/strict";
import { test } from "node:test";
import { type Act, ACT_MOVES, type ActState, type EffectClass, isSettled } from "#src/acts/act.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { type Move, nextMove } from "./next-move.ts";
import type { Procedure } from "./procedure.ts";
import { isOpen, RUN_MOVES, type RunState } from "./run.ts";

const NOW_MS = 1_000_000;
const procedure: Procedure = { name: "test", next: () => ({ kind: "park" }) };

function act(more: Partial<Act>): Act {
  return {
    id: "act_1",
    runId: "run_1",
    turn: 1,
    ordinal: 0,
    kind: "tool",
    name: "t",
    effect: "once",
    state: "planned",
    key: "act_1",
    args: {},
    facts: {},
    binding: "b",
    askId: null,
    decision: null,
    handle: null,
    result: null,
    error: null,
    attempts: 0,
    ...more,
  };
}

function next(acts: readonly Act[], asks: readonly Partial<Ask>[] = [], turns = 1): Move {
  const run = { turns, limits: { maxTurns: 5, maxOutputTokens: 10 } };
  return nextMove({ run, ticket: null, messages: [], acts, asks, nowMs: NOW_MS } as unknown as RunState, procedure, {} as Workspace);
}

const kindOf = (state: ActState, more: Partial<Act> = {}, asks: readonly Partial<Ask>[] = []): string => next([act({ state, ...more })], asks).kind;

test("a crash between intent and outcome is met by the effect class", () => {
  const met = (effect: EffectClass) => kindOf("started", { effect });
  assert.deepEqual([met("read"), met("idempotent"), met("findable"), met("once")], ["perform", "perform", "findThenPerform", "askIfHappened"]);
});

test("an asked act waits for its ask, is performed when approved, and refused by anything else", () => {
  const asked = (ask: Partial<Ask>) => kindOf("asked", { askId: "ask_1" }, [{ id: "ask_1", ...ask }]);
  assert.deepEqual(
    [
      asked({ state: "open" }),
      asked({ state: "answered", answer: "approve" }),
      asked({ state: "answered", answer: "deny" }),
      asked({ state: "expired", answer: null }),
      asked({ state: "cancelled" }),
    ],
    ["park", "perform", "refuse", "refuse", "refuse"],
  );
});

test("a waiting act waits for its time or for its ask", () => {
  assert.deepEqual(next([act({ state: "waiting", handle: { untilMs: NOW_MS + 1 } })]), { kind: "park", untilMs: NOW_MS + 1 });
  assert.equal(kindOf("waiting", { handle: { untilMs: NOW_MS } }), "perform");
  assert.equal(kindOf("waiting", { handle: { askId: "ask_1" } }, [{ id: "ask_1", state: "open" }]), "park");
  assert.equal(kindOf("waiting", { handle: { askId: "ask_1" } }, [{ id: "ask_1", state: "expired" }]), "settle");
});

test("planned reads of one turn go together, anything else one after the other, in order", () => {
  const reads = [act({ id: "act_1", effect: "read" }), act({ id: "act_2", effect: "read", ordinal: 1 })];
  const mixed = [act({ id: "act_1", effect: "read" }), act({ id: "act_2", ordinal: 1 })];
  const acts = (move: Move) => (move.kind === "perform" ? move.acts.map((one) => one.id) : []);
  assert.deepEqual([acts(next(reads)), acts(next(mixed))], [["act_1", "act_2"], ["act_1"]]);
});

test("only when every act is settled the procedure speaks, and not beyond the limit of turns", () => {
  for (const state of Object.keys(ACT_MOVES) as ActState[]) {
    if (isSettled(state)) assert.equal(kindOf(state), "park");
  }
  const limited = next([], [], 5);
  assert.deepEqual(limited, { kind: "fail", code: "run_turn_limit", message: "The run took 5 turns, its limit, without finishing." });
});

test("a run that cannot think ends, and says why", () => {
  const failed = next([
    act({ kind: "model", name: "classify", state: "failed", error: { code: "model_not_authorised", message: "openai:gpt-5: the key is wrong" } }),
  ]);
  assert.deepEqual(failed, { kind: "fail", code: "model_not_authorised", message: "openai:gpt-5: the key is wrong" });
  assert.equal(kindOf("denied", { kind: "model" }), "fail");
  assert.equal(kindOf("failed", { kind: "tool" }), "park");
});

test("every state that an act or a run can be in has a way out, or is an end", () => {
  for (const moves of [ACT_MOVES, RUN_MOVES]) {
    const states = Object.keys(moves);
    for (const targets of Object.values(moves) as readonly string[][]) for (const target of targets) assert.ok(states.includes(target), target);
  }
  assert.deepEqual(
    (Object.keys(RUN_MOVES) as (keyof typeof RUN_MOVES)[]).filter((state) => !isOpen(state)),
    ["done", "failed", "interrupted", "cancelled"],
  );
});
