import assert from "node:assert/strict";
import test from "node:test";
import { policyRule } from "#src/workspace/manifest/governance.ts";
import { compilePolicies } from "./decide.ts";
import { explain } from "./explain.ts";

const rule = (name: string, when: object, then: string) => policyRule.parse({ name, when, then, why: `${name} says so` });
const rules = compilePolicies({
  agents: [],
  policies: [
    {
      apiVersion: "loopwright.dev/v1",
      kind: "Policy",
      name: "house",
      source: "policies/house.yaml",
      rules: [
        rule("small", { kind: "message", cost: { upToUsd: 200 } }, "allow"),
        rule("severe", { kind: ["message", "push"], severity: { atLeast: 4 } }, "ask"),
        rule("models", { kind: "model" }, "allow"),
        rule("keys", { path: "keys/*" }, "deny"),
        rule("lisbon", { label: { shop: "lisbon" }, taint: "outside" }, "ask"),
        rule("dear", { cost: { aboveUsd: 500 } }, "ask"),
      ],
    },
  ],
});

test("every rule says whether it applies, and if not, at which condition it stopped", () => {
  const { decision, rules: explained } = explain(rules, {
    kind: "message",
    name: "dispatch",
    effect: "findable",
    costUsd: null,
    severity: 2,
    path: "../keys",
    labels: { shop: "porto" },
  });
  assert.equal(decision.rule, "keys");
  assert.deepEqual(
    explained.map(({ rule: name, outcome, matched, because }) => [name, outcome, matched, because]),
    [
      ["keys", "deny", true, "keys says so"],
      ["severe", "ask", false, "severity is 2; expected 4 or more"],
      ["lisbon", "ask", false, "taint is none; expected outside"],
      ["dear", "ask", true, "dear says so"],
      ["small", "allow", false, "cost is unknown; expected a known cost of $200 or less"],
      ["models", "allow", false, "kind is message; expected model"],
    ],
  );
  assert.equal(explained[0]?.source, "policies/house.yaml");
});

test("what an act has is shown as it was seen", () => {
  const because = (name: string, act: object) =>
    explain(rules, { kind: "push", name: "x", effect: "once", ...act }).rules.find((one) => one.rule === name)?.because;
  assert.equal(because("lisbon", { taint: ["outside"], labels: { shop: "porto" } }), "label is shop=porto; expected shop=lisbon");
  assert.equal(because("lisbon", { taint: ["owner", "tool"] }), "taint is owner, tool; expected outside");
  assert.equal(because("keys", { path: "src/./a" }), "path is src/a; expected keys/*");
  assert.equal(because("keys", {}), "path is none; expected keys/*");
  assert.equal(because("dear", { costUsd: 3 }), "cost is $3; expected more than $500");
  assert.equal(because("severe", {}), "severity is none; expected 4 or more");
});
