import type { Json } from "#src/kernel/canonical-json.ts";
import type { ActId, AskId, RunId } from "#src/kernel/ids.ts";
import type { Demand } from "#src/policy/proposed-act.ts";
import type { Trust } from "#src/policy/trust.ts";

/*
 * How an act moves. Each move is one guarded statement; the guard is the state it leaves and the fence of the run.
 *
 *   planned ──▶ started ──▶ done | failed            ordinary
 *      │           ├──────▶ waiting ──▶ done | failed | started   a long act, or a provider that said "later"
 *      │           └──────▶ unknown ──▶ done | started | cancelled   `once`, after a crash; a person says which
 *      ├──▶ asked ──▶ started | denied | asked        policy wants a person; asked again when the rule that asks has changed
 *      ├──▶ denied                                    policy, budget or a person said no
 *      └──▶ cancelled                                 the run was cancelled
 */
export const ACT_MOVES = {
  planned: ["asked", "denied", "started", "cancelled"],
  asked: ["started", "asked", "denied", "cancelled"],
  denied: [],
  started: ["waiting", "done", "failed", "unknown", "started", "cancelled"],
  waiting: ["done", "failed", "started", "asked", "denied", "cancelled"],
  done: [],
  failed: [],
  unknown: ["unknown", "done", "started", "cancelled"],
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
  /** It sends or changes something outside, where text in the run could have chosen what or where to. */
  readonly outbound?: boolean;
  /** Its result may hold what must not leave. */
  readonly private?: boolean;
  /** Its result is text that a stranger may have worded. */
  readonly untrusted?: boolean;
  /** Who changed its arguments after it was planned. */
  readonly editedBy?: string;
  /** The procedure itself calls this tool, the same in every run; nobody chose it. An agent need not be offered it. */
  readonly ofProcedure?: boolean;
  /** The id by which a model knows its call, so that the result finds its way back. */
  readonly callId?: string;
  /** Stricter than policy, from SOP or skill: asked for even when policy allows. Sources for the person who reads it. */
  readonly demands?: readonly Demand[];
}

export interface ActError {
  readonly code: string;
  readonly message: string;
  readonly retryAtMs?: number | null;
}

/** The error of an act that a person had done with other arguments. */
export const REPLACED = "replaced";

/** The states from which this one can be reached. */
export function actStatesBefore(to: ActState): ActState[] {
  return (Object.keys(ACT_MOVES) as ActState[]).filter((from) => (ACT_MOVES[from] as readonly ActState[]).includes(to));
}

export const isSettled = (state: ActState): boolean => ACT_MOVES[state].length === 0;
