import { type Act, REPLACED } from "#src/acts/act.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Triage } from "#src/tickets/ticket.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { Procedure, Step, ThoughtRequest } from "../procedure.ts";
import type { RunState } from "../run.ts";
import { categoriesOf, knowledgeFor, sopFor } from "./knowledge.ts";
import { type DispatchPlan, dispatchTo, replyTo } from "./messages.ts";
import { resolve } from "./resolution.ts";
import { classificationBy } from "./rules.ts";
import type { Classification, Draft, Translation } from "./shapes.ts";
import { type Known, type Told, toldOf } from "./told.ts";

const CATEGORY = "category";
const STALLED = "stalled";

/**
 * The triage desk: understand the message, recall what is known, draft a dispatch, send it through the gate, wait for the acknowledgement (else the next
 * person), and resolve by a check.
 */
export const desk: Procedure = {
  name: "desk",
  ownTools: ["brain.search"],
  next(state, workspace) {
    if (!state.ticket) return { kind: "fail", code: "ticket_missing", message: "The desk works on tickets, and this run has none." };
    if (needsTranslation(state, workspace)) return { kind: "think", thought: { purpose: "translate", tier: "strong" } };
    const told = toldOf<Classification>(state, "classify");
    const understood = told.kind === "unable" ? personsCategory(state, workspace) : told;
    if (understood === undefined) return askForCategory(state, workspace);
    if (understood.kind !== "value") return thinkAgain(state, understood, { purpose: "classify", tier: "fast" });
    return afterClassification(state, workspace, { value: strengthened(state, workspace, understood.value), by: understood.by });
  },
};

function afterClassification(state: RunState, workspace: Workspace, told: Told<Classification>): Step {
  if (!state.acts.some((act) => act.name === "brain.search")) return planRecall(state, workspace, told);
  const drafted = toldOf<Draft>(state, "draft");
  if (drafted.kind !== "value") return thinkAgain(state, drafted, { purpose: "draft", tier: "strong" });
  const { vendor, costUsd, etaMinutes } = drafted.value;
  const triage: Triage = { ...understoodOf(state, told), vendor, costUsd, etaMinutes };
  return send({ state, workspace, known: knowledgeFor(workspace, state.ticket!, told.value.category), triage, draft: drafted.value });
}

/** What a message says may not talk the gate down: the rules of the SOP hold beside whatever a model made of it. */
function strengthened(state: RunState, workspace: Workspace, value: Classification): Classification {
  const sop = sopFor(workspace, state.ticket!, value.category);
  if (!sop) return value;
  const byRules = classificationBy(sop, state.ticket!);
  return {
    ...value,
    severity: Math.max(value.severity, byRules.severity),
    urgencyMinutes: Math.min(value.urgencyMinutes, byRules.urgencyMinutes),
    risks: [...new Set([...value.risks, ...byRules.risks])],
  };
}

function send(plan: DispatchPlan): Step {
  const { state, triage, known } = plan;
  const sent = state.acts.filter((act) => act.kind === "message" && act.name !== "reply" && act.error?.code !== REPLACED);
  const last = sent.at(-1);
  if (!last) {
    const first = dispatchTo(plan, 0);
    const assignee = known.carers[0]?.id;
    if (first) return { kind: "plan", acts: [first], ticket: { triage, ...(assignee === undefined ? {} : { assignee }) } };
    return {
      kind: "fail",
      code: "dispatch_nobody",
      message: "Nobody with a contact can be sent: no vendor for this, nobody who looks after the place, no approver and no owner.",
    };
  }
  if (last.state === "denied") return { kind: "fail", code: "dispatch_denied", message: last.error?.message ?? "the dispatch was denied" };
  if (last.state !== "done") return { kind: "fail", code: "dispatch_failed", message: last.error?.message ?? `the dispatch was ${last.state}` };
  const reply = state.acts.some((act) => act.name === "reply") ? undefined : replyTo(plan);
  if (reply) return { kind: "plan", acts: [reply] };
  return isAcknowledged(last) ? resolve(plan, last) : escalate(plan, sent);
}

const isAcknowledged = (act: Act): boolean => (act.result as { acknowledged?: boolean } | null)?.acknowledged === true;

/** Nobody acknowledged in time: the next person of the chain; after the last one a person says that somebody was reached. */
function escalate(plan: DispatchPlan, sent: readonly Act[]): Step {
  const next = dispatchTo(plan, sent.length);
  if (next) return { kind: "plan", acts: [next] };
  const stalled = plan.state.asks.findLast((ask) => ask.purpose === STALLED);
  if (stalled?.state === "answered") return resolve(plan, sent.at(-1)!);
  if (stalled) return { kind: "park" };
  return {
    kind: "ask",
    ticket: { status: "blocked" },
    ask: {
      kind: "acknowledgement",
      purpose: STALLED,
      prompt: `Nobody acknowledged #${plan.state.ticket!.number}, and nobody is left to write to. Reach somebody by hand, then say so here.`,
      detail: { tried: sent.map((act) => (act.args as { name: string }).name) },
      options: ["reached"],
      approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
      expiry: [],
    },
  };
}

function planRecall(state: RunState, workspace: Workspace, told: Told<Classification>): Step {
  const ticket = state.ticket!;
  const key = workspace.manifest.subject;
  const subject = ticket.labels[key];
  const args: Json = { text: ticket.body, labels: subject === undefined ? {} : { [key]: subject }, categories: [told.value.category] };
  return {
    kind: "plan",
    acts: [{ kind: "tool", name: "brain.search", effect: "read", args, facts: { labels: ticket.labels } }],
    ticket: { status: "triaged", triage: understoodOf(state, told), language: told.value.language },
  };
}

function understoodOf(state: RunState, { value, by }: Told<Classification>) {
  const translated = toldOf<Translation>(state, "translate");
  return { ...value, translation: translated.kind === "value" ? translated.value.text : null, by };
}

/** A model translates what is not in the language of the workspace; without one, or when it could not, the words stay as they are. */
function needsTranslation(state: RunState, workspace: Workspace): boolean {
  const language = state.ticket?.language;
  if (state.run.runner === "rules" || !language || primary(language) === primary(workspace.manifest.locale)) return false;
  const told = toldOf(state, "translate");
  return told.kind === "missing" || (told.kind === "invalid" && told.times < 2);
}

const primary = (tag: string): string => new Intl.Locale(tag).language;

/** Nothing in the message says what it is: a person does. */
function askForCategory(state: RunState, workspace: Workspace): Step {
  if (state.asks.some((ask) => ask.purpose === CATEGORY && ask.state === "open")) return { kind: "park" };
  return {
    kind: "ask",
    ticket: { status: "awaiting_human" },
    ask: {
      kind: "choice",
      purpose: CATEGORY,
      prompt: `No trigger phrase of the workspace is in this message. Which category is #${state.ticket!.number}?`,
      detail: { text: state.ticket!.body },
      options: categoriesOf(workspace),
      approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
      expiry: [],
    },
  };
}

const SEVERITY_WITHOUT_SOP = 3;

function personsCategory(state: RunState, workspace: Workspace): Known<Classification> | undefined {
  const ask = state.asks.findLast((known) => known.purpose === CATEGORY && known.state === "answered");
  if (!ask?.answer) return undefined;
  const category = ask.answer;
  const sop = sopFor(workspace, state.ticket!, category);
  const value = sop
    ? classificationBy(sop, state.ticket!)
    : { category, severity: SEVERITY_WITHOUT_SOP, urgencyMinutes: 240, risks: [], language: state.ticket?.language ?? "und" };
  return { kind: "value", by: ask.settledBy ?? "person", value };
}

function thinkAgain(state: RunState, known: Exclude<Known<unknown>, { kind: "value" }>, thought: ThoughtRequest): Step {
  if (known.kind === "missing") return { kind: "think", thought };
  if (known.kind === "invalid" && known.times < 2) return { kind: "think", thought: { ...thought, repair: known.problem } };
  const why = known.kind === "invalid" ? `its answer was wrong twice: ${known.problem}` : "it had nothing to go by";
  return { kind: "fail", code: "thought_unusable", message: `The ${state.run.runner} runner could not ${thought.purpose}: ${why}` };
}
