import type { Act } from "#src/acts/act.ts";
import type { MessageArgs } from "#src/acts/perform-message.ts";
import { digestOf, sha256 } from "#src/kernel/canonical-json.ts";
import type { RunState } from "#src/runs/run.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import type { Approvers } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";

/** What of a dispatch somebody agrees to. */
export interface DispatchFacts {
  /** The name of the act. */
  readonly act: string;
  /** The surface and the address there. */
  readonly to: string;
  readonly vendor: string | null;
  /** The estimate in dollars; null is unknown. */
  readonly costUsd: number | null;
  /** Sources of what SOP and skills demanded beyond policy, such as `sop:hvac_leak`; sorted. */
  readonly demands: readonly string[];
}

/** The dispatch that went out: as a person approved it, or as policy allowed it. */
export interface ApprovedDraft extends DispatchFacts {
  readonly etaMinutes: number | null;
  readonly wasAsked: boolean;
  /** Who could answer, where it was asked. */
  readonly approvers: Approvers | null;
}

/** A resolved ticket and the run that resolved it, as facts: no word of the reporter is among them but in `ticket`. */
export interface ResolvedCase {
  readonly state: RunState;
  readonly ticket: Ticket;
  readonly category: string;
  readonly severity: number;
  /** What the ticket is about, where it says so. */
  readonly subject: string | null;
  readonly vendor: string | null;
  readonly costUsd: number | null;
  readonly etaMinutes: number | null;
  /** Acts that touched something, in order; the same one again and again counts once, since a check that had to be repeated is no other way of working. */
  readonly acts: readonly string[];
  readonly checked: string;
  /** A digest, since only the difference counts. The same person on two surfaces is one reporter where people/ knows it. */
  readonly reporter: string;
  /** Of the resolution, in the time zone of the workspace: `2026-01-31`. */
  readonly day: string;
  /** Digest of the signed pack. */
  readonly receipt: string | null;
  /** Null: the draft was not what resolved the ticket, so it is a lesson and no evidence for a skill. */
  readonly approved: ApprovedDraft | null;
}

/** The facts of a resolved ticket; undefined when nobody understood what it was, so that there is nothing to learn. Pure. */
export function caseOf(state: RunState, { workspace, receipt }: { workspace: Workspace; receipt: string | null }): ResolvedCase | undefined {
  const { ticket } = state;
  const triage = ticket?.triage;
  if (!ticket || triage?.category === undefined) return undefined;
  const dispatch = dispatchOf(state.acts);
  const sent = dispatch && factsOf(dispatch);
  const { timeZone, subject } = workspace.manifest;
  return {
    state,
    ticket,
    category: triage.category,
    severity: triage.severity ?? 1,
    subject: ticket.labels[subject] ?? null,
    vendor: sent?.vendor ?? null,
    costUsd: sent?.costUsd ?? null,
    etaMinutes: (dispatch && eta(dispatch)) ?? null,
    acts: actsOf(state.acts),
    checked: (ticket.resolution as { checked?: string } | null)?.checked ?? "unchecked",
    reporter: sha256(ticket.senderPrincipalId ?? `${ticket.source}/${ticket.sender}`),
    day: dayIn(timeZone, ticket.resolvedAtMs ?? ticket.updatedAtMs),
    receipt,
    approved: dispatch && isEvidence(state, dispatch) ? approvedOf(state, dispatch) : null,
  };
}

/** The same for cases that went the same way; null for one that is no evidence. */
export function patternOf({ approved, category, vendor, acts }: ResolvedCase): string | null {
  return approved === null ? null : digestOf({ category, vendor, acts });
}

/** The acts of a turn that are recorded as done, or as perhaps done. */
function actsOf(acts: readonly Act[]): string[] {
  const names = acts.filter((act) => act.effect !== "read" && (act.state === "done" || act.state === "unknown")).map((act) => act.name);
  return names.filter((name, index) => name !== names[index - 1]);
}

const dispatchOf = (acts: readonly Act[]): Act | undefined => acts.find((act) => act.kind === "message" && act.name === "dispatch");

/** What the run sent was received by whom it was sent to. After an escalation somebody else did the work, by whatever means. */
function isEvidence({ run }: RunState, dispatch: Act): boolean {
  const { acknowledged } = (dispatch.result ?? {}) as { acknowledged?: boolean };
  return run.procedure === "desk" && run.state === "done" && dispatch.state === "done" && acknowledged === true;
}

/** What of a dispatch can be agreed to, whether it was sent or is only planned. */
export function factsOf({ name, args, facts }: Pick<Act, "name" | "args" | "facts">): DispatchFacts {
  const { surface, to, facts: said } = args as unknown as MessageArgs;
  const { vendor, costUsd } = said as { vendor?: string | null; costUsd?: number | null };
  const demands = (facts.demands ?? []).map((demand) => demand.source).toSorted();
  return { act: name, to: `${surface}:${to}`, vendor: vendor ?? null, costUsd: costUsd ?? null, demands };
}

const eta = (dispatch: Act): number | null => ((dispatch.args as unknown as MessageArgs).facts as { etaMinutes?: number | null }).etaMinutes ?? null;

function approvedOf({ asks }: RunState, dispatch: Act): ApprovedDraft {
  const ask = asks.findLast((known) => known.kind === "approval" && known.actId === dispatch.id);
  const wasAsked = ask !== undefined || (dispatch.decision as { outcome?: string } | null)?.outcome === "ask";
  const approvers = ask ? { roles: [...ask.approvers.roles], names: [...ask.approvers.names] } : null;
  return { ...factsOf(dispatch), etaMinutes: eta(dispatch), wasAsked, approvers };
}

/** Sweden writes dates as ISO 8601 does. */
const dayIn = (timeZone: string, atMs: number): string => new Intl.DateTimeFormat("sv-SE", { timeZone }).format(new Date(atMs));
