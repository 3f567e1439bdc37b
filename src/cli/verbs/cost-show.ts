import type { CostGroupShape } from "../client/shapes.ts";
import { labelPairs } from "../arguments.ts";
import { ticketPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const costShow: Verb = {
  args: "",
  flags: {
    by: { takes: "text", value: "what", means: "all, ticket, run, agent, tier, model, day or label:<key>, such as label:property" },
    ticket: { takes: "text", value: "ticket", means: "only this ticket" },
    run: { takes: "text", value: "run", means: "only this run" },
    agent: { takes: "text", value: "name", means: "only this agent" },
    label: { takes: "list", value: "key=value", means: "only with this label; may come several times" },
    from: { takes: "text", value: "moment", means: "from then on, such as 2026-10-25T00:00:00Z" },
    to: { takes: "text", value: "moment", means: "up to then" },
  },
  words: { least: 0, most: 0 },
  about: "Money that is not known is said to be unknown, and is never counted as nothing.",
  examples: ["loop cost", "loop cost --by label:property", "loop cost --by day --agent desk"],
  async run(given, context) {
    const ticket = given.text("ticket");
    const query = new URLSearchParams([
      ...["by", "run", "agent", "from", "to"].flatMap((name) => (given.text(name) === undefined ? [] : [[name, given.text(name)!] as [string, string]])),
      ...(ticket === undefined ? [] : [["ticket", decodeURIComponent(ticketPath(ticket))] as [string, string]]),
      ...Object.entries(labelPairs("label", given.list("label"))).map(([key, value]) => ["label", `${key}:${value}`] as [string, string]),
    ]);
    const body = await context.api().get(`/v1/costs?${query.toString()}`);
    if (context.json) return context.print(body);
    const { costsText } = await import("../render/costs.ts");
    context.print(costsText((JSON.parse(body) as { groups: CostGroupShape[] }).groups, given.text("by") ?? "all", await context.look()));
  },
};
