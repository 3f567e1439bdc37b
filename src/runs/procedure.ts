import type { ActFacts, ActKind, EffectClass } from "#src/acts/act.ts";
import type { Approvers, AskKind, ExpiryStep } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { TicketChange } from "#src/tickets/store/move.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { RunState } from "./run.ts";

/** How an agent goes about its work, one step at a time. Pure: the same state gives the same step, so a crash changes nothing. */
export interface Procedure {
  readonly name: string;
  /** Tools that it calls of itself, the same in every run: its agent need not be offered them. */
  readonly ownTools?: readonly string[];
  next(state: RunState, workspace: Workspace): Step;
}

/** What a procedure wants next. `ticket` is written in the same commit as the step. */
export type Step =
  | { readonly kind: "think"; readonly thought: ThoughtRequest }
  | { readonly kind: "plan"; readonly acts: readonly PlannedAct[]; readonly ticket?: TicketChange }
  | { readonly kind: "ask"; readonly ask: PlannedAsk; readonly ticket?: TicketChange }
  | { readonly kind: "park"; readonly untilMs?: number }
  | { readonly kind: "finish"; readonly outcome: Outcome; readonly ticket?: TicketChange }
  | { readonly kind: "fail"; readonly code: string; readonly message: string; readonly ticket?: TicketChange; readonly interrupted?: true };

export interface ThoughtRequest {
  /** What for: `translate`, `classify`, `draft`, `chat`. */
  readonly purpose: string;
  readonly tier: "fast" | "strong";
  /** What was wrong with the last answer, when this is the one repair. */
  readonly repair?: string;
}

export interface PlannedAct {
  readonly kind: ActKind;
  readonly name: string;
  readonly effect: EffectClass;
  readonly args: Json;
  readonly facts: ActFacts;
}

export interface PlannedAsk {
  readonly kind: AskKind;
  readonly purpose: string;
  readonly prompt: string;
  readonly detail: { readonly [key: string]: Json };
  readonly options: readonly string[];
  readonly approvers: Approvers;
  readonly expiry: readonly ExpiryStep[];
}

/** How a run ended well. Said and checked are kept apart. */
export interface Outcome {
  readonly said: string;
  /** Where a structured answer was asked for: the answer itself. */
  readonly value?: Json;
  readonly checked: CheckVerdict;
}

/** unchecked: no post-condition was declared, a person's word counts. unreadable: it could not be read, so it is not passed. */
export type CheckVerdict = "passed" | "failed" | "unreadable" | "unchecked" | "none";
