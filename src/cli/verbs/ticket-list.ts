import type { TicketShape } from "../client/shapes.ts";
import { labelPairs } from "../arguments.ts";
import type { Verb } from "../verb.ts";

export const ticketList: Verb = {
  args: "",
  flags: {
    status: { takes: "list", value: "status", means: "only these, such as awaiting_human; may come several times" },
    label: { takes: "list", value: "key=value", means: "only with this label; may come several times" },
    limit: { takes: "text", value: "number", means: "how many; 50 when left out, 200 at most" },
    cursor: { takes: "text", value: "cursor", means: "go on where an earlier list ended" },
  },
  words: { least: 0, most: 0 },
  takesLabels: true,
  examples: ["loop tickets", "loop tickets --status awaiting_human --property=warm_taipei_2br"],
  async run(given, context) {
    const labels = { ...given.labels, ...labelPairs("label", given.list("label")) };
    const query = new URLSearchParams([
      ...given.list("status").map((status) => ["status", status] as [string, string]),
      ...Object.entries(labels).map(([key, value]) => ["label", `${key}:${value}`] as [string, string]),
      ...["limit", "cursor"].flatMap((name) => (given.text(name) === undefined ? [] : [[name, given.text(name)!] as [string, string]])),
    ]);
    const body = await context.api().get(`/v1/tickets?${query.toString()}`);
    if (context.json) return context.print(body);
    const { tickets, nextCursor } = JSON.parse(body) as { tickets: TicketShape[]; nextCursor: string | null };
    const { ticketListText } = await import("../render/ticket-list.ts");
    context.print(ticketListText(tickets, await context.look()));
    if (nextCursor !== null) context.say(`There are more: ${context.command()} tickets --cursor ${nextCursor}`);
  },
};
