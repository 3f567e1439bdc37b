import { subjectOf } from "./conditions.ts";
import { type CompiledRules, decide } from "./decide.ts";
import type { Decision, Outcome } from "./decision.ts";
import type { ProposedAct } from "./proposed-act.ts";
import { firstFailing } from "./rule-index.ts";

export interface RuleExplanation {
  readonly rule: string;
  readonly source: string;
  readonly outcome: Outcome;
  readonly matched: boolean;
  /** The rule's own reason where it matched, else the first condition that failed. */
  readonly because: string;
}

export interface Explanation {
  readonly decision: Decision;
  /** Every rule, strictest first. */
  readonly rules: readonly RuleExplanation[];
}

/** What would happen if: the decision about an act, and for every rule whether it applies and why not. Pure. */
export function explain(rules: CompiledRules, act: ProposedAct): Explanation {
  const subject = subjectOf(act);
  const explained = rules.rules.map((rule) => {
    const failing = firstFailing(rule.fixed, subject) ?? firstFailing(rule.varying, subject);
    const because = failing === undefined ? rule.why : `${failing.member} is ${failing.seen(subject)}; expected ${failing.expected}`;
    return { rule: rule.rule, source: rule.source, outcome: rule.outcome, matched: failing === undefined, because };
  });
  return { decision: decide(rules, act), rules: explained };
}
