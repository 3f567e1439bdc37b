import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import { compileGlob, normalPath } from "./glob.ts";
import type { ProposedAct } from "./proposed-act.ts";

/** An act with what several rules would work out again. */
export interface Subject {
  readonly act: ProposedAct;
  /** Dollars; null is unknown. */
  readonly costUsd: number | null;
  /** Undefined: the act has none; null: it leads nobody knows where. */
  readonly path: string | null | undefined;
  readonly foldedPath: string;
}

export function subjectOf(act: ProposedAct): Subject {
  const path = act.path === undefined ? undefined : normalPath(act.path);
  const costUsd = act.costUsd === undefined ? 0 : act.costUsd;
  return { act, path, foldedPath: fold(path ?? ""), costUsd: Number.isFinite(costUsd) ? costUsd : null };
}

/** One member of a rule's `when`. */
export interface Condition {
  readonly member: keyof PolicyRule["when"] | "until";
  /** In words, after "expected". */
  readonly expected: string;
  matches(subject: Subject): boolean;
  /** What the act has there, in words. */
  seen(subject: Subject): string;
}

export interface Conditions {
  /** On kind, effect, agent and name: few combinations of these occur. */
  readonly fixed: readonly Condition[];
  /** On facts that differ from act to act; the cheap ones first, since a rule is left at its first condition that fails. */
  readonly varying: readonly Condition[];
}

export function compileConditions({ when, then, until }: Pick<PolicyRule, "when" | "then" | "until">): Conditions {
  const strict = then !== "allow";
  const fixed = [
    anyOf("kind", when.kind, (act) => act.kind),
    anyOf("effect", when.effect, (act) => act.effect),
    anyGlob("agent", when.agent, (act) => act.agent),
    anyGlob("name", when.name, (act) => act.name),
  ];
  const varying = [
    anyOf("risk", when.risk, (act) => act.risk),
    when.severity && severityCondition(when.severity.atLeast),
    when.cost && costCondition(when.cost, strict),
    when.taint && taintCondition(when.taint, strict),
    when.label && labelCondition(when.label),
    when.path && pathCondition(when.path, strict),
    until === undefined ? undefined : untilCondition(until, strict),
  ];
  return { fixed: fixed.filter((condition) => condition !== undefined), varying: varying.filter((condition) => condition !== undefined) };
}

const listed = (values: readonly string[]): string => (values.length === 1 ? values[0]! : `one of ${values.join(", ")}`);

function anyOf(member: Condition["member"], wanted: readonly string[] | undefined, of: (act: ProposedAct) => string | undefined): Condition | undefined {
  if (wanted === undefined) return undefined;
  const set = new Set<string | undefined>(wanted);
  return { member, expected: listed(wanted), matches: ({ act }) => set.has(of(act)), seen: ({ act }) => of(act) ?? "none" };
}

function anyGlob(member: Condition["member"], wanted: readonly string[] | undefined, of: (act: ProposedAct) => string | undefined): Condition | undefined {
  if (wanted === undefined) return undefined;
  const globs = wanted.map(compileGlob);
  const matches = ({ act }: Subject): boolean => {
    const text = of(act);
    return text !== undefined && globs.some((glob) => glob.matches(text));
  };
  return { member, expected: listed(wanted), matches, seen: ({ act }) => of(act) ?? "none" };
}

function severityCondition(atLeast: number): Condition {
  return {
    member: "severity",
    expected: `${atLeast} or more`,
    matches: ({ act }) => act.severity !== undefined && act.severity >= atLeast,
    seen: ({ act }) => (act.severity === undefined ? "none" : String(act.severity)),
  };
}

function costCondition(cost: NonNullable<PolicyRule["when"]["cost"]>, strict: boolean): Condition {
  const isWithin = (usd: number): boolean => ("aboveUsd" in cost ? usd > cost.aboveUsd : usd <= cost.upToUsd);
  return {
    member: "cost",
    expected: "aboveUsd" in cost ? `more than $${cost.aboveUsd}` : `a known cost of $${cost.upToUsd} or less`,
    matches: ({ costUsd }) => (costUsd === null ? strict : isWithin(costUsd)),
    seen: ({ costUsd }) => (costUsd === null ? "unknown" : `$${costUsd}`),
  };
}

function untilCondition(until: string, strict: boolean): Condition {
  const endMs = Date.parse(until);
  return {
    member: "until",
    expected: `before ${until}`,
    matches: ({ act }) => (act.nowMs === undefined ? strict : act.nowMs < endMs),
    seen: ({ act }) => (act.nowMs === undefined ? "not said" : new Date(act.nowMs).toISOString()),
  };
}

/**
 * Deny and ask rules look for one such text among all that was read; an allow rule wants all of them to be such texts, whatever the agent itself wrote besides.
 */
function taintCondition(wanted: readonly string[], strict: boolean): Condition {
  const set = new Set(wanted);
  return {
    member: "taint",
    expected: strict ? listed(wanted) : `nothing but ${wanted.join(", ")}`,
    matches({ act: { taint = [] } }) {
      if (strict) return taint.some((trust) => set.has(trust));
      return taint.length > 0 && taint.every((trust) => set.has(trust) || trust === "agent");
    },
    seen: ({ act }) => (act.taint === undefined || act.taint.length === 0 ? "none" : act.taint.join(", ")),
  };
}

function labelCondition(wanted: Readonly<Record<string, string>>): Condition {
  const globs = Object.entries(wanted).map(([key, pattern]) => ({ key, glob: compileGlob(pattern) }));
  const valueOf = ({ act }: Subject, key: string) => (act.labels !== undefined && Object.hasOwn(act.labels, key) ? act.labels[key] : undefined);
  return {
    member: "label",
    expected: globs.map(({ key, glob }) => `${key}=${glob.pattern}`).join(" and "),
    matches: (subject) =>
      globs.every(({ key, glob }) => {
        const value = valueOf(subject, key);
        return value !== undefined && glob.matches(value);
      }),
    seen: (subject) => globs.map(({ key }) => `${key}=${valueOf(subject, key) ?? "(none)"}`).join(" and "),
  };
}

const fold = (text: string): string => text.toLowerCase();

/**
 * Deny and ask rules compare without regard to letter case, since some disks do; allow rules exactly. A path that leads nobody knows where matches
 * every deny and ask rule on paths, and no allow rule.
 */
function pathCondition(wanted: readonly string[], strict: boolean): Condition {
  const globs = wanted.map((pattern) => compileGlob(strict ? fold(normalPattern(pattern)) : normalPattern(pattern)));
  return {
    member: "path",
    expected: listed(wanted),
    matches({ path, foldedPath }) {
      if (path === undefined) return false;
      if (path === null) return strict;
      return globs.some((glob) => glob.matches(strict ? foldedPath : path));
    },
    seen: ({ act, path }) => (path === null ? `${JSON.stringify(act.path)}, which leads outside` : (path ?? "none")),
  };
}

/** A pattern that has no normal form could match nothing that is compared with it. */
const normalPattern = (pattern: string): string => normalPath(pattern) ?? pattern;
