import type { AskShape } from "../client/shapes.ts";
import { type AskCard, askCard, askLine } from "./ask-card.ts";
import type { Look } from "./look.ts";

/** So many are shown whole; of more, the first lines. */
const WHOLE = 3;

interface Place {
  /** Of tickets, by id. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly command: string;
}

export function askListText(asks: readonly AskShape[], place: Place, look: Look): string {
  const open = asks.filter(({ state }) => state === "open");
  const head = open.length === 0 ? "Nothing needs you." : open.length === 1 ? "1 question needs a person." : `${open.length} questions need a person.`;
  if (asks.length === 0) return `${head} Send something to see one: ${place.command} send "the tap in the kitchen drips"`;
  const cards = asks.map((ask) => (asks.length <= WHOLE ? askCard : askLine)(cardOf(ask, asks, place), look));
  const more = asks.length > WHOLE && open.length > 0 ? [`A question whole: ${place.command} asks ${cardOf(open[0]!, asks, place).reference}`] : [];
  return [head, ...cards, ...more].join("\n\n");
}

/** The number of the ticket is enough where it has one open question. */
function cardOf(ask: AskShape, asks: readonly AskShape[], { numbers, command }: Place): AskCard {
  const number = ask.ticketId === null ? undefined : numbers.get(ask.ticketId);
  const alone = asks.filter((other) => other.ticketId === ask.ticketId && other.state === "open").length === 1;
  return { ask, number, command, reference: number !== undefined && alone && ask.state === "open" ? String(number) : (ask.alias ?? ask.id) };
}
