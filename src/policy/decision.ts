import type { Approvers, ExpiryStep } from "#src/workspace/manifest/common.ts";

export type Outcome = "allow" | "ask" | "deny";

/** Milliseconds from the opening of the ask. There is no step that approves. */
export type AskStep =
  | { readonly afterMs: number; readonly do: "remind" }
  | { readonly afterMs: number; readonly do: "escalate"; readonly to: Approvers }
  | { readonly afterMs: number; readonly do: "fail" };

/** Who is asked, how many must agree, and what happens while nobody answers. */
export interface AskTerms {
  readonly approvers: Approvers;
  readonly quorum: number;
  /** Whoever brought the work may not approve it. */
  readonly separation?: boolean;
  readonly expiry: readonly AskStep[];
}

/** What policy says of an act. `approvers`, `quorum` and `expiry` are there when the outcome is ask, and only then. */
export interface Decision extends Partial<AskTerms> {
  readonly outcome: Outcome;
  /** The rule that decided, the source of the demand that did, or `default`. An approval counts for this rule only. */
  readonly rule: string;
  /** For a person; where sources disagree it says who said what. */
  readonly why: string;
  /** Every rule and demand that applied, strictest first. */
  readonly matched: readonly string[];
}

export const USUAL_TERMS: AskTerms = { approvers: { roles: ["approver", "admin", "owner"], names: [] }, quorum: 1, expiry: [] };

export const toSteps = (steps: readonly ExpiryStep[]): AskStep[] => steps.map(({ after, ...step }) => ({ ...step, afterMs: after }));

const STRENGTH: Readonly<Record<Outcome, number>> = { deny: 2, ask: 1, allow: 0 };

type Weighed = Partial<AskTerms> & { readonly outcome: Outcome };

/** Below zero when `a` is stricter: deny, ask, allow; of two asks the one that keeps the requester out, then the one of more people, then the one that fewer may answer. */
export function compareStrictness(a: Weighed, b: Weighed): number {
  if (a.outcome !== b.outcome) return STRENGTH[b.outcome] - STRENGTH[a.outcome];
  if (a.outcome !== "ask") return 0;
  if (Boolean(a.separation) !== Boolean(b.separation)) return a.separation ? -1 : 1;
  const quorums = (b.quorum ?? USUAL_TERMS.quorum) - (a.quorum ?? USUAL_TERMS.quorum);
  return quorums || breadth(a.approvers) - breadth(b.approvers);
}

const GROUP_BREADTH = 10;

/** A role stands for any number of people, the more the lower it is; a name for one. */
const ROLE_BREADTH = { owner: 100, admin: 200, approver: 300, operator: 400, viewer: 500, agent: 600, worker: 600 } as const;

function breadth(approvers: Approvers = USUAL_TERMS.approvers): number {
  return (
    new Set(approvers.names).size +
    GROUP_BREADTH * new Set(approvers.groups).size +
    [...new Set(approvers.roles)].reduce((sum, role) => sum + ROLE_BREADTH[role], 0)
  );
}

/** One decision out of two about the same act: the stricter, which also names what the other matched. */
export function stricter(first: Decision, second: Decision): Decision {
  const [winner, other] = compareStrictness(first, second) <= 0 ? [first, second] : [second, first];
  return { ...winner, matched: [...new Set([...winner.matched, ...other.matched])] };
}
