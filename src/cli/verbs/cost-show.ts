import type { CostGroupShape } from "../client/shapes.ts";
import { labelPairs } from "../arguments.ts";
import { ticketPath } from "../references.ts";
import type { Context, Verb } from "../verb.ts";

export const costShow: Verb = {
  args: "[today|all]",
  flags: {
    by: { takes: "text", value: "what", means: "all, ticket, run, agent, tier, model, day or label:<key>, such as label:property" },
    ticket: { takes: "text", value: "ticket", means: "only this ticket" },
    run: { takes: "text", value: "run", means: "only this run" },
    agent: { takes: "text", value: "name", means: "only this agent" },
    label: { takes: "list", value: "key=value", means: "only with this label; may come several times" },
    from: { takes: "text", value: "moment", means: "from then on, such as 2026-10-25T00:00:00Z" },
    to: { takes: "text", value: "moment", means: "up to then" },
  },
  words: { least: 0, most: 1 },
  about:
    "With today (the calendar day here) or all: what was spent by kind and by runner, what workers reported too. Money that is not known is said to be unknown, and is never counted as nothing.",
  examples: ["loop cost", "loop cost today", "loop cost --by label:property", "loop cost --by day --agent desk"],
  async run(given, context) {
    const [mode] = given.words;
    if (mode !== undefined) return showSpent(context, mode);
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

/** @throws LoopError input_invalid */
async function showSpent(context: Context, mode: string): Promise<void> {
  if (mode !== "today" && mode !== "all") {
    const { LoopError } = await import("#src/kernel/errors.ts");
    throw new LoopError("input_invalid", `${JSON.stringify(mode.slice(0, 60))} is no span of time. Expected: loop cost today, or loop cost all.`);
  }
  const from = mode === "all" ? "" : `&from=${encodeURIComponent(midnight((await context.look()).nowMs))}`;
  const groupsBy = async (label: string) => (JSON.parse(await context.api().get(`/v1/costs?by=label:${label}${from}`)) as { groups: CostGroupShape[] }).groups;
  const { spentOf, spentText } = await import("../render/spent.ts");
  const spent = spentOf(await groupsBy("kind"), await groupsBy("runner"));
  context.print(context.json ? JSON.stringify(spent) : spentText(mode, spent));
}

/** Of the calendar day here. */
function midnight(nowMs: number): string {
  const day = new Date(nowMs);
  day.setHours(0, 0, 0, 0);
  return day.toISOString();
}
