import type { RunShape } from "../client/shapes.ts";
import { ticketPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const runList: Verb = {
  args: "",
  flags: {
    ticket: { takes: "text", value: "ticket", means: "only those of this ticket" },
    limit: { takes: "text", value: "number", means: "how many; 50 when left out, 500 at most" },
  },
  words: { least: 0, most: 0 },
  examples: ["loop runs", "loop runs --ticket 12"],
  async run(given, context) {
    const query = new URLSearchParams();
    const ticket = given.text("ticket");
    if (ticket !== undefined) query.set("ticket", decodeURIComponent(ticketPath(ticket)));
    if (given.text("limit") !== undefined) query.set("limit", given.text("limit")!);
    const body = await context.api().get(`/v1/runs?${query.toString()}`);
    if (context.json) return context.print(body);
    const { runs } = JSON.parse(body) as { runs: RunShape[] };
    const { numbersOf } = await import("../client/ticket-numbers.ts");
    const { runListText } = await import("../render/run-list.ts");
    context.print(runListText(runs, await numbersOf(context.api(), runs), await context.look()));
  },
};
