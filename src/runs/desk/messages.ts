import type { MessageArgs } from "#src/acts/perform-message.ts";
import type { ActFacts } from "#src/acts/act.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Ticket, Triage } from "#src/tickets/ticket.ts";
import type { Entity, Member, Workspace } from "#src/workspace/model.ts";
import type { PlannedAct } from "../procedure.ts";
import { readSoFar } from "../read-so-far.ts";
import type { RunState } from "../run.ts";
import { demandsOf } from "./demands.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Draft } from "./shapes.ts";

type Recipient = Pick<Entity | Member, "id" | "name" | "contact">;

/** Who gets a dispatch, and who next when nobody acknowledges: the vendor, those who look after the place, approvers, owners. Only people with a contact. */
function chainOf(workspace: Workspace, known: Knowledge, vendorId: string | null): Recipient[] {
  const vendor = known.vendors.find((entity) => entity.id === vendorId) ?? (workspace.entities.get("vendor") ?? []).find((entity) => entity.id === vendorId);
  const seniors = (["approver", "admin", "owner"] as const).flatMap((role) => workspace.team.filter((member) => member.roles.includes(role)));
  const chain: Recipient[] = [...(vendor ? [vendor] : []), ...known.carers, ...seniors];
  return chain.filter((person, index) => person.contact && chain.findIndex((other) => other.id === person.id) === index);
}

export interface DispatchPlan {
  readonly state: RunState;
  readonly workspace: Workspace;
  readonly known: Knowledge;
  readonly triage: Triage;
  readonly draft: Draft;
}

/** The dispatch to the first of the chain, or its escalation to a later one. Undefined when nobody is left. */
export function dispatchTo(plan: DispatchPlan, place: number): PlannedAct | undefined {
  const { state, workspace, known, triage, draft } = plan;
  const ticket = state.ticket!;
  const recipient = chainOf(workspace, known, draft.vendor)[place];
  if (!recipient?.contact) return undefined;
  const withinMs = known.sop?.acknowledgeWithin ?? workspace.manifest.defaults.acknowledgeWithin;
  const args: MessageArgs = {
    surface: recipient.contact.surface,
    to: recipient.contact.address,
    name: recipient.name,
    subject: subjectOf(ticket, triage, known),
    text: draft.noteForVendor,
    facts: {
      ticket: ticket.id,
      vendor: draft.vendor,
      costUsd: draft.costUsd,
      etaMinutes: draft.etaMinutes,
      urgencyMinutes: triage.urgencyMinutes,
      replyToReporter: draft.noteForReporter,
    },
    acknowledge: { withinMs, names: known.carers.map((member) => member.id), roles: ["operator", "approver", "admin", "owner"] },
  };
  const name = place === 0 ? "dispatch" : "escalation";
  return {
    kind: "message",
    name,
    effect: "findable",
    args: args as Json,
    facts: place === 0 ? factsOf(plan) : { labels: ticket.labels, severity: triage.severity, taint: readSoFar(state).taint },
  };
}

/** The answer to the reporter, in the words that the approver of the dispatch has seen. Undefined when there is nothing to say or nowhere to say it. */
export function replyTo(plan: DispatchPlan): PlannedAct | undefined {
  const { state, known, triage, draft } = plan;
  const ticket = state.ticket!;
  if (draft.noteForReporter === null) return undefined;
  const args: MessageArgs = {
    surface: surfaceOf(ticket),
    to: ticket.sender,
    name: ticket.sender,
    subject: subjectOf(ticket, triage, known),
    text: draft.noteForReporter,
    facts: { ticket: ticket.id },
  };
  const { demands: _seenWithTheDispatch, costUsd: _none, ...facts } = factsOf(plan);
  return { kind: "message", name: "reply", effect: "findable", args: args as Json, facts };
}

/** A command line, an HTTP client and a schedule read no messages: what is for their sender goes to the outbox. */
const ONE_WAY: ReadonlySet<string> = new Set(["cli", "http", "schedule"]);

export const surfaceOf = (ticket: Ticket): string => (ONE_WAY.has(ticket.source) ? "outbox" : ticket.source);

export function subjectOf(ticket: Ticket, triage: Triage, known: Knowledge): string {
  return [`#${ticket.number}`, known.subject?.name ?? "", known.sop?.title ?? triage.category, `severity ${triage.severity}`]
    .filter((part) => part !== "")
    .join(" · ");
}

function factsOf({ state, known, triage }: DispatchPlan): ActFacts {
  return {
    severity: triage.severity,
    costUsd: triage.costUsd,
    risk: triage.severity >= 4 || triage.risks.length > 0 ? "high" : triage.severity === 3 ? "medium" : "low",
    labels: { ...state.ticket!.labels, category: triage.category },
    taint: readSoFar(state).taint,
    demands: demandsOf(known, triage),
  };
}
