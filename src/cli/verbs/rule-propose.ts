import { UsageError } from "../arguments.ts";
import type { ProposalShape } from "../client/shapes.ts";
import { ticketPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const rulePropose: Verb = {
  args: "<ticket> <title>",
  flags: {
    text: { takes: "text", value: "why", means: "why, in your own words" },
    sop: { means: "lower the threshold of the procedure, in place of a new policy rule" },
    deny: { means: "refuse such acts, in place of asking" },
    severity: { takes: "text", value: "1-5", means: "from this severity on; left out: that of the ticket" },
    category: { takes: "text", means: "left out: that of the ticket" },
  },
  words: { least: 2, most: 2 },
  about: "It can only make things stricter, and nothing changes before somebody accepts it.",
  examples: ["loop propose 12 'Leaks are for a person' --text 'the floor was ruined'"],
  async run(given, context) {
    const severity = given.text("severity");
    if (severity !== undefined && !/^[1-5]$/.test(severity)) throw new UsageError(`--severity got ${JSON.stringify(severity.slice(0, 40))}. Expected 1 to 5.`);
    const body = await context.api().post(`/v1/tickets/${ticketPath(given.words[0]!)}/propose-rule`, {
      title: given.words[1]!,
      text: given.text("text"),
      change: given.has("sop") ? "sop" : "policy",
      then: given.has("deny") ? "deny" : "ask",
      category: given.text("category"),
      ...(severity === undefined ? {} : { severityAtLeast: Number(severity) }),
    });
    if (context.json) return context.print(body);
    const { proposalText } = await import("../render/proposals.ts");
    context.print(proposalText(JSON.parse(body) as ProposalShape, context.command(), await context.look()));
  },
};
