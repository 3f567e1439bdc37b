import type { TicketShape } from "../client/shapes.ts";
import { labelPairs, UsageError } from "../arguments.ts";
import type { Context, Given, Verb } from "../verb.ts";

interface Received {
  readonly id: string;
  readonly number: number;
  readonly runId: string;
  readonly duplicate: boolean;
  readonly ticket?: TicketShape;
}

export const ticketSend: Verb = {
  args: "<text>",
  flags: {
    label: { takes: "list", value: "key=value", means: "what it is about; may come several times" },
    sender: { takes: "text", means: "who wrote it; left out: you" },
    language: { takes: "text", value: "tag", means: "such as zh-TW; left out: it is found out" },
    "external-id": { takes: "text", value: "id", means: "its id where it comes from: the same id twice is one ticket" },
    agent: { takes: "text", value: "name", means: "who takes it; left out: it is routed" },
    task: { takes: "text", value: "kind", means: "what kind of work it is, such as code or summarize: models are chosen by it" },
    wait: { means: "wait until it is understood" },
  },
  words: { least: 0, most: 1 },
  takesLabels: true,
  about: "The text may come from standard input, in place of <text> or as -.",
  examples: ["loop send --property=warm_taipei_2br 'The aircon drips on the socket'", "loop send --sender ana@guest.example --wait < message.txt"],
  async run(given, context) {
    const text = await textOf(given);
    const labels = { ...given.labels, ...labelPairs("label", given.list("label")) };
    const optional = {
      sender: given.text("sender"),
      language: given.text("language"),
      externalId: given.text("external-id"),
      agent: given.text("agent"),
      task: given.text("task"),
    };
    const body = await context.api().post(`/v1/tickets${given.has("wait") ? "?wait=true" : ""}`, { text, labels, ...optional });
    if (context.json) context.print(body);
    else await print(context, JSON.parse(body) as Received);
  },
};

async function textOf({ words: [typed] }: Given): Promise<string> {
  if (typed !== undefined && typed !== "-") return typed;
  if (typed === undefined && process.stdin.isTTY) throw new UsageError("There is no text. Expected: loop send <text>, or a text on standard input.");
  const { text } = await import("node:stream/consumers");
  return (await text(process.stdin)).replace(/\r?\n$/, "");
}

async function print(context: Context, { number, duplicate, ticket }: Received): Promise<void> {
  context.print(duplicate ? `This is ticket #${number}; it was sent before.` : `Ticket #${number}.`);
  if (ticket) {
    const { ticketHead } = await import("../render/ticket-head.ts");
    context.print(ticketHead(ticket, await context.look()));
  }
  context.say(`${context.command()} ticket ${number} tells what becomes of it.`);
}
