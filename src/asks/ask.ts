import type { Json } from "#src/kernel/canonical-json.ts";
import { isMachine, type Role } from "#src/people/role.ts";
import type { ActId, AskId, PrincipalId, RunId, TicketId } from "#src/kernel/ids.ts";

/*
 * How an ask moves. There is one way out of `open`, taken once, by one guarded statement.
 *
 *   open ──▶ answered    its rule was met: the first decision, a quorum, or one deny
 *     ├────▶ expired     its last step said `fail`; no step approves
 *     └────▶ cancelled   its run was cancelled
 *
 * `stranded` is a flag beside the state: the run ended while the ask was open. It can still be answered.
 * Lock order: the run (by wake), then the ask, then its decisions.
 */
export type AskState = "open" | "answered" | "expired" | "cancelled";
export type AskKind = "question" | "choice" | "approval" | "acknowledgement";

/** Anyone with one of the roles, one of the named people, or anyone of a team. */
export interface Approvers {
  readonly roles: readonly Role[];
  readonly names: readonly string[];
  readonly groups?: readonly string[] | undefined;
  /** Agents that may answer too, by handle such as `agent:root`. Nobody of them ever answers an approval. */
  readonly agents?: readonly string[] | undefined;
  /** The address of the person who reported, for whom an operator may speak. */
  readonly reporter?: string;
  /** Never this person, whatever else is true of them: who brought the work does not approve it. */
  readonly except?: PrincipalId;
  /** Nor these, by handle: who else spoke into the work before it was asked. */
  readonly exceptNamed?: readonly string[];
}

/** Times count from the opening of the ask. */
export type ExpiryStep =
  | { readonly afterMs: number; readonly do: "remind" }
  | { readonly afterMs: number; readonly do: "escalate"; readonly to: Approvers }
  | { readonly afterMs: number; readonly do: "fail" };

export interface NewAsk {
  readonly id: AskId;
  /** `<worker>-<n>`: how whoever works by the verbs knows it. Never used twice; left out or null: it has none. */
  readonly alias?: string | null;
  readonly kind: AskKind;
  /** What it is for, in one word that the asker knows it by: `act`, `acknowledgement`, `resolution`, `quarantine`. */
  readonly purpose: string;
  readonly runId: RunId | null;
  readonly actId: ActId | null;
  readonly ticketId: TicketId | null;
  readonly prompt: string;
  /** For an approval: the exact act and arguments, cost, rule, sources. */
  readonly detail: { readonly [key: string]: Json };
  /** Empty: any text. Otherwise nothing else is taken. */
  readonly options: readonly string[];
  readonly approvers: Approvers;
  readonly quorum: number;
  /** Digest of the act that an approval is bound to, and the rule that asked. */
  readonly binding: string | null;
  readonly rule: string | null;
  readonly expiry: readonly ExpiryStep[];
  /** The revision of the workspace that the asker saw. */
  readonly revision: number;
}

export interface Ask extends NewAsk {
  readonly alias: string | null;
  readonly state: AskState;
  readonly stranded: boolean;
  readonly answer: string | null;
  readonly settledBy: string | null;
  readonly createdAtMs: number;
  readonly settledAtMs: number | null;
  readonly nextStepAtMs: number | null;
  readonly decisions: readonly AskDecision[];
  /** Who was sent it, in the order in which the copies were planned. */
  readonly copies: readonly AskCopy[];
}

/**
 * One message to one person about the ask. waiting: it is about to be sent. delivered: the surface took it. not_delivered: it did not, and `error` says why.
 * not_sent: the ask was settled first.
 */
export interface AskCopy {
  readonly to: string;
  readonly surface: string;
  readonly what: "ask" | "reminder";
  readonly state: "waiting" | "delivered" | "not_delivered" | "not_sent";
  /** Why it was not delivered, or still shows what no longer holds. */
  readonly error: string | null;
  readonly deliveredAtMs: number | null;
  /** Null: not tried again. */
  readonly nextTryAtMs: number | null;
}

export interface AskDecision {
  readonly principalId: PrincipalId;
  readonly handle: string;
  readonly answer: string;
  readonly reason: string | null;
  readonly face: string;
  readonly kind: "decision" | "late" | "override";
  readonly atMs: number;
}

/** Who answers. */
export interface Answerer {
  readonly id: PrincipalId;
  readonly handle: string;
  readonly roles: readonly Role[];
  /** The teams that they belong to now. */
  readonly groups?: readonly string[];
}

const DENY = "deny";
/** The answer of whoever wants the act done with other arguments; those stand in `detail.edited`. Never an option to choose by name. */
export const EDIT = "edit";

/** Whether a separation keeps this person from deciding: the work is theirs too. */
export const isExcepted = ({ approvers }: Pick<Ask, "approvers">, { id, handle }: Pick<Answerer, "id" | "handle">): boolean =>
  approvers.except === id || (approvers.exceptNamed?.includes(handle) ?? false);

/** Whether they may answer. For a person roles, names and teams count, nothing else does; an agent answers only what names it, and never an approval. */
export function mayAnswer(ask: Pick<Ask, "approvers"> & Partial<Pick<Ask, "kind">>, person: Answerer): boolean {
  if (isMachine(person.roles)) return ask.kind !== undefined && ask.kind !== "approval" && (ask.approvers.agents?.includes(person.handle) ?? false);
  if (isExcepted(ask, person)) return false;
  if (ask.approvers.names.includes(person.handle)) return true;
  if (person.groups?.some((group) => ask.approvers.groups?.includes(group))) return true;
  if (person.roles.some((role) => ask.approvers.roles.includes(role))) return true;
  return (
    ask.approvers.reporter !== undefined && person.roles.some((role) => role === "operator" || role === "approver" || role === "admin" || role === "owner")
  );
}

/** The verdict once the rule is met, else undefined. Any deny settles an approval; otherwise the first answer that `quorum` people gave. */
export function verdictOf(ask: Pick<Ask, "kind" | "quorum">, answers: readonly string[]): string | undefined {
  if (ask.kind === "approval" && answers.includes(DENY)) return DENY;
  return answers.find((answer) => answers.filter((other) => other === answer).length >= ask.quorum);
}
