import type { ExplanationShape } from "../client/shapes.ts";
import { labelPairs, UsageError } from "../arguments.ts";
import type { Given, Verb } from "../verb.ts";

export const policyExplain: Verb = {
  args: "<kind> <name>",
  flags: {
    effect: { takes: "text", value: "class", means: "read, idempotent, findable or once; left out: findable" },
    agent: { takes: "text", value: "name", means: "who would do it" },
    severity: { takes: "text", value: "1-5", means: "how severe its ticket is" },
    risk: { takes: "text", value: "tier", means: "low, medium or high" },
    cost: { takes: "text", value: "usd", means: "dollars, or unknown; left out: it costs nothing" },
    label: { takes: "list", value: "key=value", means: "a label; may come several times" },
    taint: { takes: "list", value: "trust", means: "where the text came from: owner, member, outside, tool, agent or learned" },
    path: { takes: "text", means: "the path that it touches" },
  },
  words: { least: 2, most: 2 },
  takesLabels: true,
  about: "What would happen if: nothing is done.",
  examples: ["loop policy explain message dispatch --severity 4 --cost 138", "loop policy explain shell 'rm -rf' --effect once"],
  async run(given, context) {
    const body = await context.api().post("/v1/policy/explain", actOf(given));
    if (context.json) return context.print(body);
    const { explanationText } = await import("../render/explanation.ts");
    context.print(explanationText(JSON.parse(body) as ExplanationShape, await context.look()));
  },
};

function actOf(given: Given): object {
  const [kind, name] = given.words;
  const labels = { ...given.labels, ...labelPairs("label", given.list("label")) };
  const cost = given.text("cost");
  const severity = given.text("severity");
  return {
    kind,
    name,
    effect: given.text("effect") ?? "findable",
    agent: given.text("agent"),
    risk: given.text("risk"),
    path: given.text("path"),
    ...(severity === undefined ? {} : { severity: numberOf("severity", severity) }),
    ...(cost === undefined ? {} : { costUsd: cost === "unknown" ? null : numberOf("cost", cost) }),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    ...(given.list("taint").length > 0 ? { taint: given.list("taint") } : {}),
  };
}

function numberOf(flag: string, text: string): number {
  const value = Number(text.replace(/^\$/, ""));
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new UsageError(`--${flag} got ${JSON.stringify(text.slice(0, 40))}. Expected a number${flag === "cost" ? " of dollars, or unknown" : ""}.`);
}
