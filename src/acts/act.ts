import type { Json } from "#src/kernel/canonical-json.ts";
import type { ActId, AskId, RunId } from "#src/kernel/ids.ts";

/*
 * How an act moves. Each move is one guarded statement; the guard is the state it leaves and the fence of the run.
 *
 *   planned ──▶ started ──▶ done | failed            ordinary
 *      │           ├──────▶ waiting ──▶ done | failed | started   a long act, or a provider that said "later"
 *      │           └──────▶ unknown ──▶ done | started | cancelled   `once`, after a crash; a person says which
 *      ├──▶ asked ──▶ started | denied | cancelled    policy wants a person
 *      ├──▶ denied                                    policy, budget or a person said no
 *      └──▶ cancelled                                 the run was cancelled
 */
export const ACT_MOVES = {
  planned: ["asked", "denied", "started", "cancelled"],
  asked: ["started", "denied", "cancelled"],
  denied: [],
  started: ["waiting", "done", "failed", "unknown", "started", "cancelled"],
  waiting: ["done", "failed", "started", "cancelled"],
  done: [],
  failed: [],
  unknown: ["done", "started", "cancelled"],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type ActState = keyof typeof ACT_MOVES;
export type ActKind = "model" | "tool" | "worker" | "message" | "shell" | "push" | "handoff" | "check";

/**
 * What a repeat of the effect would do. read: nothing changes. idempotent: the same key changes nothing twice. findable: the port can tell whether
 * it happened. once: neither; after a crash only a person knows.
 */
export type EffectClass = "read" | "idempotent" | "findable" | "once";

export interface Act {
  readonly id: ActId;
  readonly runId: RunId;
  readonly turn: number;
  readonly ordinal: number;
  readonly kind: ActKind;
  readonly name: string;
  readonly effect: EffectClass;
  readonly state: ActState;
  /** The idempotency key: the same on every try. */
  readonly key: string;
  readonly args: Json;
  /** What policy decides on beside kind, name and effect: severity, cost, labels, taint, path. */
  readonly facts: ActFacts;
  /** Digest of kind, name, canonical arguments and run: what an approval binds to, with the asking rule. */
  readonly binding: string;
  readonly askId: AskId | null;
  readonly decision: Json | null;
  readonly handle: Json | null;
  readonly result: Json | null;
  readonly error: ActError | null;
  readonly attempts: number;
}

export interface ActFacts {
  readonly risk?: "low" | "medium" | "high";
  readonly severity?: number;
  /** Dollars; null is unknown; absent: the act costs nothing. */
  readonly costUsd?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
  /** Where the text that led to this act came from. */
  readonly taint?: readonly Trust[];
  readonly path?: string;
  /** Stricter than policy, from SOP or skill: asked for even when policy allows. Sources for the person who reads it. */
  readonly demands?: readonly ActDemand[];
}

export interface ActDemand {
  readonly then: "ask" | "deny";
  readonly source: string;
  readonly why: string;
}

export type Trust = "owner" | "member" | "outside" | "tool" | "agent" | "learned";

export interface ActError {
  readonly code: string;
  readonly message: string;
  readonly retryAtMs?: number | null;
}

export const isSettled = (state: ActState): boolean => ACT_MOVES[state].length === 0;
