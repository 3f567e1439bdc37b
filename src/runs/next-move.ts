import { type Act, isSettled } from "#src/acts/act.ts";
import type { WorkerEnd, WorkerWait } from "#src/acts/perform-worker.ts";
import { type Ask, EDIT } from "#src/asks/ask.ts";
import type { ThreadMessage } from "#src/tickets/thread.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { repetition } from "./loop-breaker.ts";
import type { Procedure, Step } from "./procedure.ts";
import type { ChildEnd, RunState } from "./run.ts";
import { wantsTask } from "./think/classify-task.ts";
import { TASK_PURPOSE } from "./think/model-policy.ts";

export type Move =
  | { readonly kind: "perform"; readonly acts: readonly Act[] }
  | { readonly kind: "findThenPerform"; readonly act: Act }
  | { readonly kind: "askIfHappened"; readonly act: Act }
  | { readonly kind: "refuse"; readonly act: Act; readonly ask: Ask }
  | { readonly kind: "replace"; readonly act: Act; readonly ask: Ask }
  | { readonly kind: "settle"; readonly act: Act; readonly ask: Ask }
  | { readonly kind: "settleUnknown"; readonly act: Act; readonly ask: Ask }
  | { readonly kind: "park"; readonly untilMs?: number }
  | { readonly kind: "settleDelegation"; readonly act: Act; readonly child: ChildEnd }
  | { readonly kind: "settleWorker"; readonly act: Act; readonly end: WorkerEnd }
  | { readonly kind: "takeUp"; readonly messages: readonly ThreadMessage[] }
  | Step;

/** A waiting act is waiting for an ask, for another run, for a program that goes on by itself, or for a time. */
export interface WaitHandle extends Partial<Pick<WorkerWait, "workerKey" | "ended">> {
  readonly askId?: string;
  readonly untilMs?: number;
  /** The run that was given a part of the work. */
  readonly runId?: string;
}

/** What a run should do next, from what is recorded and nothing else. Pure: replaying it after a crash gives the same answer. */
export function nextMove(state: RunState, procedure: Procedure, workspace: Workspace): Move {
  const open = state.acts.find((act) => !isSettled(act.state));
  if (open) return moveOn(open, state);
  if (state.waiting && state.waiting.length > 0) return { kind: "takeUp", messages: state.waiting };
  const last = state.acts.at(-1);
  if (last?.kind === "model" && last.name !== TASK_PURPOSE && (last.state === "failed" || last.state === "denied" || last.state === "cancelled")) {
    return { kind: "fail", code: last.error?.code ?? `model_${last.state}`, message: last.error?.message ?? `the call for ${last.name} was ${last.state}` };
  }
  if (state.run.turns >= state.run.limits.maxTurns) {
    return { kind: "fail", code: "run_turn_limit", message: `The run took ${state.run.turns} turns, its limit, without finishing.` };
  }
  const repeated = aboutRepetition(state);
  if (repeated) return repeated;
  const step = procedure.next(state, workspace);
  return step.kind === "think" && wantsTask(state, workspace) ? { kind: "think", thought: { purpose: TASK_PURPOSE, tier: "fast" } } : step;
}

function aboutRepetition(state: RunState): Move | undefined {
  const found = repetition(state);
  if (found?.kind !== "stop") return found;
  return { kind: "fail", code: "run_repeating", message: found.why };
}

function moveOn(act: Act, state: RunState): Move {
  switch (act.state) {
    case "planned":
      return { kind: "perform", acts: readsTogether(act, state) };
    case "asked":
      return onAsk(act, state, (ask) => {
        if (ask.answer === EDIT) return { kind: "replace", act, ask };
        return ask.answer === "approve" ? { kind: "perform", acts: [act] } : { kind: "refuse", act, ask };
      });
    case "started":
      return recover(act);
    case "waiting":
      return onWait(act, state);
    case "unknown":
      return onAsk(act, state, (ask) => ({ kind: "settleUnknown", act, ask }));
    default:
      throw new Error(`a settled act is not open: ${act.id} is ${act.state}`);
  }
}

/** Reads of one turn change nothing, so they need not wait for one another. */
function readsTogether(first: Act, state: RunState): readonly Act[] {
  const mates = state.acts.filter((act) => act.turn === first.turn && act.state === "planned");
  return mates.every((act) => act.effect === "read") ? mates : [first];
}

function onWait(act: Act, state: RunState): Move {
  const handle = act.handle as WaitHandle | null;
  if (handle?.askId !== undefined) return onAsk({ ...act, askId: handle.askId as Ask["id"] }, state, (ask) => ({ kind: "settle", act, ask }));
  if (handle?.runId !== undefined) {
    const child = state.children?.find(({ id }) => id === handle.runId);
    if (!child) throw new Error(`the run ${handle.runId} that act ${act.id} waits for is not on record`);
    return child.isOver ? { kind: "settleDelegation", act, child } : { kind: "park" };
  }
  if (handle?.workerKey !== undefined) return handle.ended ? { kind: "settleWorker", act, end: handle.ended } : { kind: "park" };
  const untilMs = handle?.untilMs ?? 0;
  return untilMs <= state.nowMs ? { kind: "perform", acts: [act] } : { kind: "park", untilMs };
}

function onAsk(act: Act, state: RunState, settled: (ask: Ask) => Move): Move {
  const ask = state.asks.find((known) => known.id === act.askId);
  if (!ask) throw new Error(`the ask ${act.askId} of act ${act.id} is not on record`);
  if (ask.state === "open") return { kind: "park" };
  return settled(ask);
}

/** Started, no handle, no outcome: a crash came between. */
function recover(act: Act): Move {
  switch (act.effect) {
    case "read":
    case "idempotent":
      return { kind: "perform", acts: [act] };
    case "findable":
      return { kind: "findThenPerform", act };
    case "once":
      return { kind: "askIfHappened", act };
  }
}
