import type { Condition, Conditions, Subject } from "./conditions.ts";

export interface RuleIndex<R extends Conditions> {
  readonly rules: readonly R[];
  /** The rules that an act of this kind, effect, agent and name can match, in order; their `varying` conditions are still to be asked. */
  candidates(subject: Subject): readonly R[];
}

const KEPT_COMBINATIONS = 1_000;

/** Kind, effect, agent and name rule out most rules, and the same few combinations come again and again: what is left by each is worked out once. */
export function createRuleIndex<R extends Conditions>(rules: readonly R[]): RuleIndex<R> {
  const known = new Map<string, readonly R[]>();
  return {
    rules,
    candidates(subject) {
      const { kind, effect, agent, name } = subject.act;
      const key = `${kind} ${effect} ${agent?.length ?? "-"} ${agent ?? ""} ${name}`; // the length tells agent and name apart
      const before = known.get(key);
      if (before !== undefined) return before;
      if (known.size >= KEPT_COMBINATIONS) known.clear(); // names that a stranger makes up must not fill the memory
      const left = rules.filter((rule) => firstFailing(rule.fixed, subject) === undefined);
      known.set(key, left);
      return left;
    },
  };
}

/** The first condition that the act does not meet; undefined: it meets all. */
export function firstFailing(conditions: readonly Condition[], subject: Subject): Condition | undefined {
  for (const condition of conditions) if (!condition.matches(subject)) return condition;
  return undefined;
}
