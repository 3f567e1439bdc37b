import type { CostGroupShape, EventShape, RunDetailShape, RunShape, TicketShape } from "../client/shapes.ts";
import type { Api } from "../client/api.ts";
import { ticketPath } from "../references.ts";
import type { Context, Verb } from "../verb.ts";

export const ticketShow: Verb = {
  args: "<ticket>",
  flags: {},
  words: { least: 1, most: 1 },
  about:
    "What came in, what was understood, what was known, what was decided and by which rule, who was asked, what was done, what was checked, what it cost. Newest at the bottom.",
  examples: ["loop ticket 12", "loop ticket 12 --json"],
  async run(given, context) {
    const path = ticketPath(given.words[0]!);
    const body = await context.api().get(`/v1/tickets/${path}`);
    if (context.json) context.print(body);
    else await tell(context, JSON.parse(body) as TicketShape);
  },
};

async function tell(context: Context, ticket: TicketShape): Promise<void> {
  const api = context.api();
  const [events, runs, costs] = await Promise.all([eventsOf(api, ticket.id), runsOf(api, ticket.id), costOf(api, ticket.id)]);
  const { storyOf } = await import("../render/story.ts");
  const { storyText, costText } = await import("../render/story-text.ts");
  const { ticketHead } = await import("../render/ticket-head.ts");
  const look = await context.look();
  context.print([ticketHead(ticket, look), storyText(storyOf(events, runs), look), costText(costs, look)].filter((part) => part !== "").join("\n\n"));
  const open = runs.flatMap(({ asks }) => asks).filter(({ state }) => state === "open");
  if (open.length > 0) await ask(context, { open, ticket });
}

async function ask(context: Context, { open, ticket }: { open: RunDetailShape["asks"]; ticket: TicketShape }): Promise<void> {
  const { askLine } = await import("../render/ask-card.ts");
  const place = { number: ticket.number, command: context.command() };
  const look = await context.look();
  context.print(`\n${open.map((one) => askLine({ ask: one, ...place, reference: open.length === 1 ? String(ticket.number) : one.id }, look)).join("\n\n")}`);
}

const PAGE = 1_000;

async function eventsOf(api: Api, ticketId: string): Promise<EventShape[]> {
  const events: EventShape[] = [];
  for (let after = 0; ;) {
    const page = JSON.parse(await api.get(`/v1/tickets/${ticketId}/events?limit=${PAGE}&after=${after}`)) as { events: EventShape[]; nextAfter: number };
    events.push(...page.events);
    if (page.events.length < PAGE) return events;
    after = page.nextAfter;
  }
}

async function runsOf(api: Api, ticketId: string): Promise<RunDetailShape[]> {
  const { runs } = JSON.parse(await api.get(`/v1/runs?ticket=${ticketId}`)) as { runs: RunShape[] };
  return Promise.all(runs.map(async ({ id }) => JSON.parse(await api.get(`/v1/runs/${id}`)) as RunDetailShape));
}

async function costOf(api: Api, ticketId: string): Promise<CostGroupShape | undefined> {
  const { groups } = JSON.parse(await api.get(`/v1/costs?ticket=${ticketId}`)) as { groups: CostGroupShape[] };
  return groups[0];
}
