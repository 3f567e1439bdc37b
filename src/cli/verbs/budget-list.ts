import type { BudgetShape } from "../client/shapes.ts";
import { UsageError } from "../arguments.ts";
import { plainLine } from "#src/kernel/plain.ts";
import type { Verb } from "../verb.ts";

export const budgetList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop budgets"],
  async run(_given, context) {
    const body = await context.api().get("/v1/budgets");
    if (context.json) return context.print(body);
    const { budgetsText } = await import("../render/costs.ts");
    context.print(budgetsText((JSON.parse(body) as { budgets: BudgetShape[] }).budgets, await context.look()));
  },
};

export const budgetRaise: Verb = {
  args: "<budget> <dollars>",
  flags: {
    reason: { takes: "text", value: "why", means: "why; kept in the journal" },
    of: { takes: "text", value: "subject", means: "for a budget with several subjects: which, as `loop budgets` shows it" },
    tokens: { takes: "text", value: "count", means: "tokens too; give 0 dollars to raise tokens only" },
  },
  words: { least: 2, most: 2 },
  about: "Only for the present day or month: the next has the cap of the file again. Whatever waits for this budget goes on at once.",
  examples: ["loop raise house 25 --reason 'the pump at the lake house'", "loop raise per_home 10 --of property=lake --reason 'burst pipe'"],
  async run(given, context) {
    const [budget, dollars] = given.words as [string, string];
    const byUsd = Number(dollars);
    if (!/^\d+(\.\d+)?$/.test(dollars)) throw new UsageError(`The raise is ${JSON.stringify(dollars.slice(0, 40))}. Expected dollars, such as 25 or 2.50.`);
    const tokens = given.text("tokens");
    if (tokens !== undefined && !/^[1-9]\d{0,12}$/.test(tokens))
      throw new UsageError(`--tokens got ${JSON.stringify(tokens.slice(0, 40))}. Expected a whole number above 0.`);
    const subject = given.text("of");
    const body = await context.api().post(`/v1/budgets/${encodeURIComponent(budget)}/raise`, {
      ...(byUsd > 0 ? { byUsd } : {}),
      ...(tokens === undefined ? {} : { byTokens: Number(tokens) }),
      ...(subject === undefined ? {} : { subject }),
      reason: given.text("reason") ?? "",
    });
    if (context.json) return context.print(body);
    const raised = JSON.parse(body) as { budget: string; subject: string; answered: number };
    const goesOn = raised.answered === 0 ? "Nobody had been asked about it." : "What waited for it goes on.";
    context.print(`The budget ${plainLine(raised.budget)} of ${plainLine(raised.subject)} is raised for its present period. ${goesOn}`);
  },
};
