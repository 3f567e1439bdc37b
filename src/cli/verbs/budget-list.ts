import type { BudgetShape } from "../client/shapes.ts";
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
