import type { AskShape } from "../client/shapes.ts";
import type { Context, Verb } from "../verb.ts";

export const askList: Verb = {
  args: "[<ask-or-ticket>]",
  flags: { all: { means: "closed ones too" } },
  words: { least: 0, most: 1 },
  about: "What needs a person, oldest first. Silence never approves anything. With an ask or a ticket: that one question, whole.",
  examples: ["loop asks", "loop asks 12", "loop asks --json"],
  async run(given, context) {
    const [typed] = given.words;
    if (typed !== undefined) return showOne(context, typed);
    const open = await context.api().get("/v1/asks");
    if (!given.has("all")) return context.json ? context.print(open) : print(context, asksIn(open));
    const closed = await context.api().get("/v1/asks?state=closed&limit=200");
    const asks = [...asksIn(closed), ...asksIn(open)];
    return context.json ? context.print(JSON.stringify({ asks })) : print(context, asks);
  },
};

const asksIn = (body: string): AskShape[] => (JSON.parse(body) as { asks: AskShape[] }).asks;

async function showOne(context: Context, typed: string): Promise<void> {
  const { askFor } = await import("../references.ts");
  const ask = await askFor(context.api(), { typed, fits: () => true, what: "open question" });
  if (context.json) context.print(JSON.stringify(ask));
  else await print(context, [ask]);
}

async function print(context: Context, asks: readonly AskShape[]): Promise<void> {
  const { askListText } = await import("../render/ask-list.ts");
  const { numbersOf } = await import("../client/ticket-numbers.ts");
  context.print(askListText(asks, { numbers: await numbersOf(context.api(), asks), command: context.command() }, await context.look()));
}
