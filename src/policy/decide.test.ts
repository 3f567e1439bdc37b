import assert from "node:assert/strict";
import test from "node:test";
import { z } from "zod";
import { policyRule } from "#src/workspace/manifest/governance.ts";
import { compilePolicies, decide } from "./decide.ts";
import { stricter } from "./decision.ts";
import type { Demand, ProposedAct } from "./proposed-act.ts";

type RuleText = Partial<z.input<typeof policyRule>> & Pick<z.input<typeof policyRule>, "when" | "then">;

/** Rules as a file would give them; names count up where a test does not care. */
function rulesOf(...rules: RuleText[]) {
  const parsed = rules.map((rule, index) => policyRule.parse({ name: `rule-${index}`, why: `because ${index}`, ...rule }));
  return compilePolicies({
    agents: [],
    policies: [{ apiVersion: "loopwright.dev/v1", kind: "Policy", name: "test", rules: parsed, source: "policies/test.yaml" }],
  });
}

const MESSAGE: ProposedAct = { kind: "message", name: "dispatch", effect: "findable", agent: "desk" };
const outcome = (rules: ReturnType<typeof rulesOf>, act: Partial<ProposedAct>) => decide(rules, { ...MESSAGE, ...act }).outcome;
/** Whether a rule of this condition applies, as a rule of each kind: allow, ask, deny. */
const applies = (when: RuleText["when"], act: Partial<ProposedAct>) =>
  (["allow", "ask", "deny"] as const).map((then) => decide(rulesOf({ when, then }), { ...MESSAGE, ...act }).matched.length === 1);
const [ALL, NONE, STRICT_ONLY] = [
  [true, true, true],
  [false, false, false],
  [false, true, true],
];

const APPROVERS = { roles: ["approver", "admin", "owner"], names: [] };

test("deny beats ask beats allow, in whatever order they stand", () => {
  const [allow, ask, deny] = (["allow", "ask", "deny"] as const).map((then) => ({ name: then, when: {}, then, why: then })) as [RuleText, RuleText, RuleText];
  assert.deepEqual(decide(rulesOf(allow, ask, deny), MESSAGE), { outcome: "deny", rule: "deny", why: "deny", matched: ["deny", "ask", "allow"] });
  assert.deepEqual(decide(rulesOf(ask, allow), MESSAGE), {
    outcome: "ask",
    rule: "ask",
    why: "ask",
    matched: ["ask", "allow"],
    approvers: APPROVERS,
    quorum: 1,
    expiry: [],
  });
  assert.deepEqual(decide(rulesOf(allow), MESSAGE), { outcome: "allow", rule: "allow", why: "allow", matched: ["allow"] });
});

test("what no rule allows is denied, by the rule default", () => {
  const rules = rulesOf({ when: { kind: "model" }, then: "allow" });
  assert.deepEqual(decide(rules, MESSAGE), { outcome: "deny", rule: "default", why: "no rule allows message dispatch", matched: [] });
  assert.deepEqual(decide(rulesOf(), MESSAGE).outcome, "deny");
});

test("all members of a condition must match, and one value of each is enough", () => {
  const when = { kind: ["tool", "message"], effect: "findable", agent: "de*", risk: ["high", "medium"] } satisfies RuleText["when"];
  assert.deepEqual(applies(when, { risk: "high" }), ALL);
  assert.deepEqual(applies(when, { risk: "low" }), NONE);
  assert.deepEqual(applies(when, { risk: "high", effect: "once" }), NONE);
  assert.deepEqual(applies(when, { risk: "high", agent: "night" }), NONE);
});

test("an unknown cost matches every deny and ask condition and no allow condition; an act without a cost costs nothing", () => {
  assert.deepEqual(applies({ cost: { aboveUsd: 100 } }, { costUsd: 100.01 }), ALL);
  assert.deepEqual(applies({ cost: { aboveUsd: 100 } }, { costUsd: 100 }), NONE);
  assert.deepEqual(applies({ cost: { upToUsd: 100 } }, { costUsd: 100 }), ALL);
  assert.deepEqual(applies({ cost: { upToUsd: 100 } }, { costUsd: 101 }), NONE);
  for (const unknown of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.deepEqual(applies({ cost: { upToUsd: 100 } }, { costUsd: unknown }), STRICT_ONLY);
    assert.deepEqual(applies({ cost: { aboveUsd: 100 } }, { costUsd: unknown }), STRICT_ONLY);
  }
  assert.deepEqual(applies({ cost: { upToUsd: 0 } }, {}), ALL);
  assert.deepEqual(applies({ cost: { aboveUsd: 0 } }, {}), NONE);
});

test("a fact that is absent matches no condition on it", () => {
  const { agent: _, ...nobody } = MESSAGE;
  assert.deepEqual(applies({ severity: { atLeast: 1 } }, {}), NONE);
  assert.deepEqual(applies({ risk: "low" }, {}), NONE);
  assert.deepEqual(applies({ taint: "outside" }, {}), NONE);
  assert.deepEqual(applies({ label: { shop: "*" } }, {}), NONE);
  assert.deepEqual(applies({ path: "*" }, {}), NONE);
  assert.equal(decide(rulesOf({ when: { agent: "*" }, then: "allow" }), nobody).outcome, "deny");
});

test("severity, labels and taint", () => {
  assert.deepEqual(applies({ severity: { atLeast: 4 } }, { severity: 4 }), ALL);
  assert.deepEqual(applies({ severity: { atLeast: 4 } }, { severity: 3 }), NONE);
  assert.deepEqual(applies({ taint: ["outside", "tool"] }, { taint: ["outside", "tool", "agent"] }), ALL);
  assert.deepEqual(applies({ taint: ["outside", "tool"] }, { taint: ["owner"] }), NONE);
  assert.deepEqual(applies({ label: { shop: "lis*", city: "x" } }, { labels: { shop: "lisbon", city: "x", more: "y" } }), ALL);
  assert.deepEqual(applies({ label: { shop: "lis*", city: "x" } }, { labels: { shop: "lisbon" } }), NONE);
  assert.deepEqual(applies({ label: { constructor: "*" } }, { labels: {} }), NONE);
});

test("one text that somebody else worded is held against the act, and the others do not speak for it", () => {
  assert.deepEqual(applies({ taint: ["owner", "member"] }, { taint: ["owner", "outside"] }), STRICT_ONLY);
  assert.deepEqual(applies({ taint: ["outside", "tool"] }, { taint: ["owner", "tool"] }), STRICT_ONLY);
});

test("names match by pattern, letter for letter", () => {
  assert.deepEqual(applies({ name: "github.*:write" }, { name: "github.issues:write" }), ALL);
  assert.deepEqual(applies({ name: "github.*:write" }, { name: "github.issues:read" }), NONE);
  assert.deepEqual(applies({ name: ["a", "disp*"] }, {}), ALL);
  assert.deepEqual(applies({ name: "DISPATCH" }, {}), NONE);
});

test("paths are compared after every . and .. is resolved", () => {
  assert.deepEqual(applies({ path: "secrets/*" }, { path: "src/../secrets//key" }), ALL);
  assert.deepEqual(applies({ path: "./secrets/*" }, { path: "secrets/deep/er/key" }), ALL);
  assert.deepEqual(applies({ path: "src/*" }, { path: "src/../secrets/key" }), NONE);
  assert.deepEqual(applies({ path: "/etc/*" }, { path: "/var/../etc/passwd" }), ALL);
  assert.deepEqual(applies({ path: "caf\u00e9" }, { path: "cafe\u0301/" }), ALL);
});

test("a path that leads nobody knows where, and one in other letter case, are held against the act and never for it", () => {
  assert.deepEqual(applies({ path: "src/*" }, { path: "src/../../etc/passwd" }), STRICT_ONLY);
  assert.deepEqual(applies({ path: "src/*" }, { path: "src/a\0.md" }), STRICT_ONLY);
  assert.deepEqual(applies({ path: "src/*" }, { path: "SRC/a" }), STRICT_ONLY);
});

test("among asks the one of most people wins, then the one that fewest may answer, then the first; all are named", () => {
  const ask = (name: string, more: Partial<RuleText>): RuleText => ({ name, when: {}, then: "ask", why: name, ...more });
  const usual = ask("usual", {});
  const owners = ask("owners", { approvers: { roles: ["owner"] } });
  const viewers = ask("viewers", { approvers: { roles: ["viewer"] } });
  const two = ask("two", { approvers: { names: ["ana", "rui"] } });
  const one = ask("one", { approvers: { names: ["ana"] } });
  const quorum = ask("quorum", { quorum: 2 });
  assert.deepEqual(decide(rulesOf(usual, viewers, owners, two, one, quorum), MESSAGE).matched, ["quorum", "one", "two", "owners", "viewers", "usual"]);
  assert.equal(decide(rulesOf(ask("a", {}), ask("b", {})), MESSAGE).rule, "a");
  const expiry: RuleText["expiry"] = [
    { after: "1h", do: "remind" },
    { after: "1d", do: "escalate", to: { names: ["ana"] } },
  ];
  assert.deepEqual(decide(rulesOf(usual, ask("strict", { quorum: 2, approvers: { roles: ["owner"] }, expiry })), MESSAGE), {
    outcome: "ask",
    rule: "strict",
    why: "strict",
    matched: ["strict", "usual"],
    approvers: { roles: ["owner"], names: [] },
    quorum: 2,
    expiry: [
      { afterMs: 3_600_000, do: "remind" },
      { afterMs: 86_400_000, do: "escalate", to: { roles: [], names: ["ana"] } },
    ],
  });
});

const SOP: Demand = { then: "ask", source: "sop:oven", why: "severity 4 is at or above 4" };

test("where policy allows and an SOP asks, it is asked, and the decision says who said what", () => {
  const allow = rulesOf({ name: "small", when: {}, then: "allow", why: "little money" });
  assert.deepEqual(decide(allow, { ...MESSAGE, demands: [SOP] }), {
    outcome: "ask",
    rule: "sop:oven",
    why: "policy allows (small): little money; sop:oven asks: severity 4 is at or above 4",
    matched: ["sop:oven", "small"],
    approvers: APPROVERS,
    quorum: 1,
    expiry: [],
  });
  const skill: Demand = { then: "deny", source: "skill:mend", why: "never on a Sunday" };
  assert.deepEqual(decide(allow, { ...MESSAGE, demands: [SOP, skill] }), {
    outcome: "deny",
    rule: "skill:mend",
    why: "policy allows (small): little money; skill:mend denies: never on a Sunday; sop:oven asks: severity 4 is at or above 4",
    matched: ["skill:mend", "sop:oven", "small"],
  });
});

test("a demand never makes policy milder", () => {
  assert.equal(decide(rulesOf(), { ...MESSAGE, demands: [SOP] }).rule, "default");
  const deny = rulesOf({ name: "no", when: {}, then: "deny", why: "no" });
  assert.deepEqual(decide(deny, { ...MESSAGE, demands: [SOP] }), {
    outcome: "deny",
    rule: "no",
    why: "policy denies (no): no; sop:oven asks: severity 4 is at or above 4",
    matched: ["no", "sop:oven"],
  });
  const equal = rulesOf({ name: "policy", when: {}, then: "ask", why: "as strict" });
  assert.equal(decide(equal, { ...MESSAGE, demands: [SOP] }).rule, "policy"); // an approval stays good when an SOP joins in
  const ask = rulesOf({ name: "two", when: {}, then: "ask", why: "two people", quorum: 2 });
  assert.equal(decide(ask, { ...MESSAGE, demands: [SOP] }).rule, "two");
  assert.equal(decide(ask, { ...MESSAGE, demands: [{ ...SOP, quorum: 3, approvers: { roles: ["owner"], names: [] } }] }).quorum, 3);
});

test("a workspace without a policy thinks and reads freely, asks before reaching out, and denies the rest", () => {
  const rules = compilePolicies({ agents: [], policies: [] });
  assert.equal(outcome(rules, { kind: "model", name: "fast", effect: "read" }), "allow");
  assert.equal(outcome(rules, { kind: "tool", effect: "read" }), "allow");
  for (const kind of ["message", "shell", "push", "handoff"] as const) assert.equal(outcome(rules, { kind, effect: "read" }), "ask", kind);
  for (const kind of ["tool", "worker", "check"] as const) assert.equal(outcome(rules, { kind, effect: "once" }), "deny", kind);
  assert.equal(decide(rules, MESSAGE).rule, "built-in-outward");
});

test("what one agent may do under a name, another may not because it asked later", () => {
  const rules = rulesOf({ when: { agent: "desk", kind: "message", effect: "findable" }, then: "allow" });
  const acts: Partial<ProposedAct>[] = [{}, { agent: "night" }, { agent: "desk dispatch", name: "" }, { agent: "" }, { kind: "tool" }, { effect: "once" }, {}];
  assert.deepEqual(
    acts.map((act) => outcome(rules, act)),
    ["allow", "deny", "deny", "deny", "deny", "deny", "allow"],
  );
});

test("a policy without rules is a policy: it denies", () => {
  assert.equal(decide(rulesOf(), { ...MESSAGE, kind: "model" }).outcome, "deny");
});

test("of two decisions about one act the stricter stands and names what the other matched", () => {
  const allow = { outcome: "allow", rule: "a", why: "a", matched: ["a"] } as const;
  const deny = { outcome: "deny", rule: "d", why: "d", matched: ["d"] } as const;
  assert.deepEqual(stricter(allow, deny), { ...deny, matched: ["d", "a"] });
  assert.deepEqual(stricter(deny, allow), { ...deny, matched: ["d", "a"] });
});

test("the same act under the same rules is always decided alike, and nothing given is changed", () => {
  const rules = rulesOf({ when: { label: { a: "b" } }, then: "ask" }, { when: {}, then: "allow" });
  const act = { ...MESSAGE, labels: { a: "b" }, demands: [SOP], path: "a/../b" };
  const copy = structuredClone(act);
  assert.deepEqual(decide(rules, act), decide(rules, act));
  assert.deepEqual(act, copy);
});

test("a precedent lifts the asks that it names until it ends, and nothing else", () => {
  const ask = { name: "careful", when: { kind: "message" }, then: "ask", why: "a person reads it" } as const;
  const lifts = {
    name: "spared",
    when: { kind: "message", label: { home: "lake" } },
    then: "allow",
    lifts: ["careful"],
    until: "2026-03-01T00:00:00Z",
    why: "ana allowed it",
  } satisfies RuleText;
  const [before, after] = [Date.parse("2026-02-28T00:00:00Z"), Date.parse("2026-03-01T00:00:00Z")];
  const lake = { labels: { home: "lake" } };
  const rules = rulesOf(ask, lifts);
  assert.equal(outcome(rules, { ...lake, nowMs: before }), "allow");
  assert.equal(outcome(rules, { ...lake, nowMs: after }), "ask");
  assert.equal(outcome(rules, lake), "ask");
  assert.equal(outcome(rules, { labels: { home: "hill" }, nowMs: before }), "ask");
  assert.equal(outcome(rulesOf(ask, lifts, { name: "other", when: {}, then: "ask" }), { ...lake, nowMs: before }), "ask");
  assert.equal(outcome(rulesOf(ask, lifts, { name: "never", when: {}, then: "deny" }), { ...lake, nowMs: before }), "deny");
  const demand: Demand = { then: "ask", source: "sop:leak", why: "severity 5" };
  assert.equal(outcome(rules, { ...lake, nowMs: before, demands: [demand] }), "ask");
});

test("a rule that lifts asks says until when, and allows", () => {
  const rule = { name: "spared", when: {}, then: "allow", lifts: ["careful"], why: "x" };
  assert.equal(policyRule.safeParse(rule).success, false);
  assert.equal(policyRule.safeParse({ ...rule, until: "2026-03-01T00:00:00Z" }).success, true);
  assert.equal(policyRule.safeParse({ ...rule, until: "2026-03-01T00:00:00Z", then: "ask" }).success, false);
});
