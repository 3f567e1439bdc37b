import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { agentRules, serviceRules } from "./agent-rules.ts";
import { BUILT_IN } from "./built-in.ts";
import { compileConditions, type Conditions, subjectOf } from "./conditions.ts";
import { type AskTerms, compareStrictness, type Decision, type Outcome, toSteps, USUAL_TERMS } from "./decision.ts";
import type { Demand, ProposedAct } from "./proposed-act.ts";
import { createRuleIndex, firstFailing, type RuleIndex } from "./rule-index.ts";

export type { Decision } from "./decision.ts";

interface Opinion extends AskTerms {
  readonly outcome: Outcome;
  /** The name of a rule, or the source of a demand. */
  readonly rule: string;
  readonly why: string;
}

export interface CompiledRule extends Opinion, Conditions {
  /** The file of the rule, or `built-in`. */
  readonly source: string;
  /** Rules whose asks this one answers. */
  readonly lifts?: readonly string[];
}

/** The rules strictest first, then in order of file and line. */
export type CompiledRules = RuleIndex<CompiledRule>;

/** The rules of a workspace, made ready once, with those that its agents bring; a workspace without a policy has the built-in one. */
export function compilePolicies(workspace: Pick<Workspace, "policies" | "agents"> & Partial<Pick<Workspace, "services">>): CompiledRules {
  const policies = workspace.policies.length === 0 ? [BUILT_IN] : workspace.policies;
  const ofAgents = workspace.agents.map((agent) => ({ rules: agentRules(agent), source: agent.source }));
  const ofServices = (workspace.services ?? []).map((service) => ({ rules: serviceRules(service), source: service.source }));
  const rules = [...policies, ...ofAgents, ...ofServices].flatMap(({ rules: inOrder, source }) => inOrder.map((rule) => compileRule(rule, source)));
  return createRuleIndex(rules.toSorted(compareStrictness));
}

function compileRule(rule: PolicyRule, source: string): CompiledRule {
  return {
    rule: rule.name,
    outcome: rule.then,
    why: rule.why,
    source,
    ...(rule.lifts ? { lifts: rule.lifts } : {}),
    ...compileConditions(rule),
    approvers: rule.approvers ?? USUAL_TERMS.approvers,
    quorum: rule.quorum,
    ...(rule.separation ? { separation: true } : {}),
    expiry: toSteps(rule.expiry),
  };
}

/**
 * Deny beats ask beats allow; no matching rule means deny. Of several asks the strictest is put (see `compareStrictness`). What SOP or skill demand is
 * heard after policy and can only make the outcome stricter. Pure: same input, same answer, no I/O.
 */
export function decide(rules: CompiledRules, act: ProposedAct): Decision {
  const subject = subjectOf(act);
  const hits = rules.candidates(subject).filter((rule) => firstFailing(rule.varying, subject) === undefined);
  const byPolicy = standing(hits)[0] ?? noRule(act);
  const demands = (act.demands ?? []).map(demandOpinion);
  const strictest = [byPolicy, ...demands].toSorted(compareStrictness)[0]!;
  const others = demands.filter((demand) => demand !== strictest);
  const matched: readonly Opinion[] = demands.length === 0 ? hits : [...hits, ...demands].toSorted(compareStrictness);
  const { outcome, rule } = strictest;
  const decision = { outcome, rule, why: reason({ strictest, byPolicy, others }), matched: matched.map((opinion) => opinion.rule) };
  return outcome === "ask" ? { ...decision, ...termsOf(strictest) } : decision;
}

/** Without the asks that a precedent has answered. */
function standing(hits: readonly CompiledRule[]): readonly CompiledRule[] {
  if (!hits.some(({ lifts }) => lifts !== undefined)) return hits;
  const lifted = new Set(hits.flatMap(({ lifts }) => lifts ?? []));
  return hits.filter(({ outcome, rule }) => !(outcome === "ask" && lifted.has(rule)));
}

const termsOf = ({ approvers, quorum, separation, expiry }: AskTerms): AskTerms => ({ approvers, quorum, ...(separation ? { separation } : {}), expiry });

const demandOpinion = ({ then, source, why, ...terms }: Demand): Opinion => ({ outcome: then, rule: source, why, ...USUAL_TERMS, ...terms });

const noRule = (act: ProposedAct): Opinion => ({ outcome: "deny", rule: "default", why: `no rule allows ${act.kind} ${act.name}`, ...USUAL_TERMS });

const VERB: Readonly<Record<Outcome, string>> = { allow: "allows", ask: "asks", deny: "denies" };

/** The reason of whoever decided, and what the others said where it was not the same. */
function reason({ strictest, byPolicy, others }: { strictest: Opinion; byPolicy: Opinion; others: readonly Opinion[] }): string {
  if (strictest === byPolicy && others.length === 0) return strictest.why;
  const said = ({ outcome, rule, why }: Opinion, who: string) => `${who} ${VERB[outcome]}${who === rule ? "" : ` (${rule})`}: ${why}`;
  const policy = said(byPolicy, "policy");
  const rest = others.map((opinion) => said(opinion, opinion.rule));
  return (strictest === byPolicy ? [policy, ...rest] : [policy, said(strictest, strictest.rule), ...rest]).join("; ");
}
