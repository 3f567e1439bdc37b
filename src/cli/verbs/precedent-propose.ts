import type { ProposalShape } from "../client/shapes.ts";
import type { Verb } from "../verb.ts";

export const precedentPropose: Verb = {
  args: "<ask>",
  flags: {
    for: { takes: "text", value: "30d", means: "how long, such as 30d; a year at most" },
    reason: { takes: "text", value: "why", means: "why it needs nobody" },
    whatever: { takes: "text", value: "labels,cost", means: "facts that a later act may differ in: labels, cost, path, risk" },
  },
  words: { least: 1, most: 1 },
  about:
    "Made of an ask that was approved. It names its author and its end, lifts only the rule that asked, and comes into force when an owner or admin accepts it.",
  examples: ["loop precedent ask_0199c0ffee00712a8b6e5d4c3b2a1908 --for 30d --reason 'issues in our own tracker'"],
  async run(given, context) {
    const whatever = given.text("whatever");
    const body = await context.api().post(`/v1/asks/${encodeURIComponent(given.words[0]!)}/precedent`, {
      for: given.text("for") ?? "30d",
      reason: given.text("reason") ?? "",
      ...(whatever === undefined ? {} : { whatever: whatever.split(",").map((word) => word.trim()) }),
    });
    if (context.json) return context.print(body);
    const { proposalText } = await import("../render/proposals.ts");
    context.print(proposalText(JSON.parse(body) as ProposalShape, context.command(), await context.look()));
  },
};
