import { compilePolicies, decide as decideAct } from "#src/policy/decide.ts";
import type { ProposedAct } from "#src/policy/proposed-act.ts";
import { type PolicyManifest, policyManifest } from "#src/workspace/manifest/governance.ts";
import { boundedMedian, type Line, processorProbe, steadily } from "./measure.ts";
import { quantile, summaryOf } from "./statistics.ts";
import type { World } from "./world.ts";

const RULES = 500;
const DECISIONS_A_ROUND = 20_000;
const KINDS = ["model", "tool", "message", "shell", "push", "check"] as const;
const OUTCOMES = ["allow", "ask", "deny"] as const;

/** BENCH 8: a policy decision with 500 rules of every sort, over acts of which half meet conditions on facts; with known names, and with a name never seen at each. */
export function decide(_world: World, rounds: number): Promise<Line[]> {
  const rules = compilePolicies({ agents: [], policies: [{ ...policy(), source: "policies/bench.yaml" }] });
  const goal = { at: "most", value: 50 } as const;
  return steadily(processorProbe, () => {
    const known = timed(rules, { rounds, nameOf: (at) => `tool-${at % 40}.run` });
    const fresh = timed(rules, { rounds, nameOf: (at) => `tool-${at % 40}.${at}-${Math.random()}` });
    return Promise.resolve([
      boundedMedian("decide, p99", {
        samples: known.map((round) => quantile(round, 0.99)),
        unit: "µs",
        goal,
        more: { ...summaryOf(known.flat()), rules: RULES },
      }),
      boundedMedian("decide, p99, unseen names", {
        samples: fresh.map((round) => quantile(round, 0.99)),
        unit: "µs",
        goal,
        more: { ...summaryOf(fresh.flat()), rules: RULES },
      }),
    ]);
  });
}

function timed(rules: ReturnType<typeof compilePolicies>, { rounds, nameOf }: { rounds: number; nameOf: (at: number) => string }): number[][] {
  const round = (): number[] =>
    Array.from({ length: DECISIONS_A_ROUND }, (_, at) => {
      const act = actOf(at, nameOf(at));
      const startNanos = process.hrtime.bigint();
      decideAct(rules, act);
      return Number(process.hrtime.bigint() - startNanos) / 1_000;
    });
  round(); // warm
  return Array.from({ length: rounds }, round);
}

function policy(): PolicyManifest {
  const rules = Array.from({ length: RULES }, (_, at) => ({
    name: `rule-${at}`,
    when: conditionOf(at),
    then: OUTCOMES[at % 3],
    why: `the reason of rule ${at}`,
  }));
  return policyManifest.parse({ apiVersion: "loopwright.dev/v1", kind: "Policy", name: "bench", rules });
}

function conditionOf(at: number): object {
  const name = { kind: KINDS[at % KINDS.length], name: [`tool-${at % 40}.*`, `*.${at}`] };
  const facts = [
    { severity: { atLeast: 1 + (at % 5) } },
    { cost: { aboveUsd: at } },
    { label: { property: `home-${at % 50}*` } },
    { taint: ["outside", "tool"] },
    { path: [`src/part-${at % 20}/**`, "docs/*.md"] },
    { risk: ["high"], agent: ["desk", "coder-*"] },
    {},
  ];
  return { ...(at % 4 === 0 ? { effect: ["findable", "once"] } : name), ...facts[at % facts.length] };
}

function actOf(at: number, name: string): ProposedAct {
  return {
    kind: KINDS[at % KINDS.length]!,
    name,
    agent: at % 3 === 0 ? "desk" : `coder-${at % 7}`,
    effect: at % 2 === 0 ? "findable" : "read",
    risk: at % 5 === 0 ? "high" : "low",
    severity: 1 + (at % 5),
    costUsd: at % 11 === 0 ? null : at % 600,
    labels: { property: `home-${at % 60}` },
    taint: at % 2 === 0 ? ["outside"] : ["owner"],
    path: `src/part-${at % 30}/file.ts`,
  };
}
