import type { AskTerms } from "./decision.ts";
import type { Trust } from "./trust.ts";

/** What SOP or skill ask for beyond policy. It can make the outcome stricter, never milder: there is no demand that allows. */
export interface Demand extends Partial<AskTerms> {
  readonly then: "ask" | "deny";
  /** Such as `SOP hvac_leak`; the decision carries it as its rule. */
  readonly source: string;
  readonly why: string;
}

/**
 * What policy decides on. A fact that is absent matches no condition on it, with one exception: an act without `costUsd` costs nothing, and a cost of
 * null is unknown, which matches every deny and ask condition on cost and no allow condition.
 */
export interface ProposedAct {
  readonly kind: "model" | "tool" | "worker" | "message" | "shell" | "push" | "handoff" | "check";
  readonly name: string;
  readonly effect: "read" | "idempotent" | "findable" | "once";
  readonly agent?: string;
  readonly risk?: "low" | "medium" | "high";
  /** 1 to 5. */
  readonly severity?: number;
  readonly costUsd?: number | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taint?: readonly Trust[];
  /** Links are resolved by whoever proposes the act: policy looks at text only. */
  readonly path?: string;
  /** When it would happen, milliseconds since 1970. Left out: of the rules that end only the strict ones apply. */
  readonly nowMs?: number;
  readonly demands?: readonly Demand[];
}
