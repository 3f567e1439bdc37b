import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { Ask, NewAsk } from "#src/asks/ask.ts";
import type { AskId, PrincipalId } from "#src/kernel/ids.ts";
import { newId } from "#src/kernel/ids.ts";
import { handoverNames, offers } from "#src/policy/agent-rules.ts";
import { type CompiledRules, type Decision, decide, compilePolicies } from "#src/policy/decide.ts";
import { stricter, USUAL_TERMS } from "#src/policy/decision.ts";
import { type Cleared, clearedByPerson, egressNeedsPerson, type Trust } from "#src/policy/trust.ts";
import type { Agent, Workspace } from "#src/workspace/model.ts";
import type { Act } from "./act.ts";

/** allow: perform it. ask: open this ask. deny: refuse it. */
export type Verdict =
  | { readonly kind: "allow"; readonly decision: Json; readonly cleared: Cleared }
  | { readonly kind: "deny"; readonly decision: Json; readonly why: string }
  | { readonly kind: "ask"; readonly decision: Json; readonly asked: Decision };

export interface GateInput {
  readonly act: Act;
  readonly agent: string;
  /** Agents that gave this work to that one, the first giver last: it may do what all of them may. */
  readonly givers?: readonly string[];
  /** What the run has read so far. */
  readonly read: { readonly taint: readonly Trust[]; readonly sawPrivate: boolean };
  /** The workspace as it is now, not as it was when the run started. */
  readonly workspace: Workspace;
  /** The last ask about this act, if there was one. */
  readonly ask: Ask | undefined;
  /** By the clock of the database. */
  readonly nowMs: number;
}

const compiled = new WeakMap<Workspace, CompiledRules>();

/** The rules of a workspace in the form in which they are decided; made once per revision. */
export function rulesOf(workspace: Workspace): CompiledRules {
  let rules = compiled.get(workspace);
  if (rules === undefined) compiled.set(workspace, (rules = compilePolicies(workspace)));
  return rules;
}

/**
 * Asks the current policy about an act, for its agent and for whoever gave it the work. An approval counts only for the same act, the same arguments and the
 * same asking rule; a deny always wins. What would carry private data out on the word of a stranger needs a person, whatever policy allows.
 */
export function judge({ act, agent, givers = [], read, workspace, ask, nowMs }: GateInput): Verdict {
  const byPolicy = [agent, ...givers].map((who) => decisionFor(act, who, { workspace, nowMs })).reduce(stricter);
  const egress = egressNeedsPerson({ ...read, outbound: act.facts.outbound ?? OUTBOUND.has(act.kind) });
  const decision = byPolicy.outcome === "allow" && egress.kind === "ask" ? stricter(byPolicy, egress.decision) : byPolicy;
  const recorded = recordOf(decision, ask);
  if (decision.outcome === "deny") return { kind: "deny", decision: recorded, why: decision.why };
  if (decision.outcome === "allow" && egress.kind === "cleared") return { kind: "allow", decision: recorded, cleared: egress.cleared };
  if (isApproved(ask, act, decision)) return { kind: "allow", decision: recorded, cleared: clearedByPerson({ id: ask!.id, answer: "approve" }) };
  return { kind: "ask", decision: recorded, asked: decision };
}

/** A tool that the file of the agent does not offer it, now, is denied, whatever policy says; but for what its procedure does of itself. */
function decisionFor(act: Act, agent: string, { workspace, nowMs }: Pick<GateInput, "workspace" | "nowMs">): Decision {
  const decision = decide(rulesOf(workspace), proposalOf(act, agent, nowMs));
  const file = workspace.agents.find(({ name }) => name === agent);
  if (!NAMED_IN_FILE.has(act.kind) || act.facts.ofProcedure || (file && isInFile(act, file))) return decision;
  const why = file ? `${file.source} does not offer ${act.name} to ${agent}` : `there is no agent ${agent} in the workspace any more`;
  return { outcome: "deny", rule: "tools", why, matched: ["tools"] };
}

/** Kinds whose acts go outside where nobody says that they do not. */
const OUTBOUND: ReadonlySet<Act["kind"]> = new Set(["message", "push", "shell"]);

const NAMED_IN_FILE: ReadonlySet<Act["kind"]> = new Set(["tool", "shell", "handoff"]);

/** Tools, and agents to hand over to, are those that the file of the agent names; other kinds are for policy alone. */
const isInFile = ({ kind, name }: Act, file: Agent): boolean => (kind === "handoff" ? handoverNames(file).includes(name) : offers(file, name));

/** What policy sees of an act. */
export function proposalOf(act: Pick<Act, "kind" | "name" | "effect" | "facts">, agent: string, nowMs: number) {
  return { kind: act.kind, name: act.name, agent, effect: act.effect, ...act.facts, nowMs };
}

function isApproved(ask: Ask | undefined, act: Act, decision: Decision): boolean {
  return ask?.state === "answered" && ask.answer === "approve" && ask.binding === act.binding && ask.rule === decision.rule;
}

function recordOf(decision: Decision, ask: Ask | undefined): Json {
  return {
    outcome: decision.outcome,
    rule: decision.rule,
    why: decision.why,
    matched: decision.matched,
    ...(ask?.state === "answered" ? { ask: ask.id, answer: ask.answer, answeredBy: ask.settledBy } : {}),
  };
}

export interface ApprovalInput {
  readonly act: Act;
  readonly asked: Decision;
  readonly ticketId: string | null;
  /** Who brought the work, where that is a principal. */
  readonly requestedBy?: PrincipalId | undefined;
  /** Whose words are in the work besides, by handle. */
  readonly speakers?: readonly string[];
  readonly revision: number;
  readonly nowMs: number;
}

/** The ask that a person gets for an act: the exact act and arguments, the rule, what it costs, what silence does. */
export function approvalFor({ act, asked, ticketId, requestedBy, speakers = [], revision, nowMs }: ApprovalInput): NewAsk {
  return {
    id: newId("ask", nowMs) as AskId,
    kind: "approval",
    purpose: "act",
    runId: act.runId,
    actId: act.id,
    ticketId: ticketId as NewAsk["ticketId"],
    prompt: `May it do this: ${act.kind} ${act.name}? ${asked.why}`,
    detail: {
      kind: act.kind,
      name: act.name,
      effect: act.effect,
      args: act.args,
      facts: act.facts as Json,
      rule: asked.rule,
      matched: asked.matched,
      digest: digestOf(act.args),
    },
    options: ["approve", "deny"],
    approvers: { ...(asked.approvers ?? USUAL_TERMS.approvers), ...(asked.separation ? separated(requestedBy, speakers) : {}) },
    quorum: asked.quorum ?? 1,
    binding: act.binding,
    rule: asked.rule,
    expiry: asked.expiry ?? [],
    revision,
  };
}

const separated = (requestedBy: PrincipalId | undefined, speakers: readonly string[]) => ({
  ...(requestedBy === undefined ? {} : { except: requestedBy }),
  ...(speakers.length === 0 ? {} : { exceptNamed: speakers }),
});
