import { LoopError } from "#src/kernel/errors.ts";
import type { Api } from "./client/api.ts";
import { UsageError } from "./arguments.ts";
import type { AskShape, TicketShape } from "./client/shapes.ts";

const ASK_ID = /^(ask_[0-9a-f]{32}|[A-Za-z0-9_][A-Za-z0-9._-]{0,63}-\d{1,9})$/;
const TICKET = /^(#?\d{1,15}|tkt_[0-9a-f]{32})$/;

/** What was typed for a ticket, ready for a path: a number, with # or without, or an id. @throws UsageError */
export function ticketPath(typed: string): string {
  if (TICKET.test(typed)) return encodeURIComponent(typed.replace(/^#/, ""));
  throw new UsageError(`${JSON.stringify(typed.slice(0, 60))} names no ticket. Expected its number, such as 12, or its id, which begins with tkt_.`);
}

/** For paths of runs, tokens and proposals: whatever it is, the server says whether it exists. */
export const idPath = (typed: string): string => encodeURIComponent(typed);

export interface Sought {
  /** What was typed: the id of an ask, or a ticket whose one open question is meant. */
  readonly typed: string;
  /** Which of the open questions can be meant. */
  readonly fits: (ask: AskShape) => boolean;
  /** Ends the sentence "Ticket 12 has no …". */
  readonly what: string;
}

/** The id of the ask that is meant. With an id nothing is looked up. @throws UsageError | LoopError ask_unknown, ticket_unknown */
export async function askIdFor(api: Api, sought: Sought): Promise<string> {
  return ASK_ID.test(sought.typed) ? sought.typed : (await askOfTicket(api, sought)).id;
}

/** The same, looked up. */
export async function askFor(api: Api, sought: Sought): Promise<AskShape> {
  return ASK_ID.test(sought.typed) ? (JSON.parse(await api.get(`/v1/asks/${sought.typed}`)) as AskShape) : askOfTicket(api, sought);
}

async function askOfTicket(api: Api, { typed, fits, what }: Sought): Promise<AskShape> {
  if (!TICKET.test(typed))
    throw new UsageError(
      `${JSON.stringify(typed.slice(0, 60))} names no question. Expected the id of an ask, which begins with ask_, the name that a worker's has, such as fix-login-1, or the number of a ticket.`,
    );
  const asks = await openAsksOf(api, ticketPath(typed));
  const meant = asks.filter(fits);
  const [ask, second] = meant;
  if (ask && !second) return ask;
  const number = typed.replace(/^#/, "");
  if (!ask) {
    const others =
      asks.length === 0
        ? `\`loop ticket ${number}\` shows where it stands`
        : `It has an open question of another kind: ${asks.map(({ id, kind }) => `${id} (${kind})`).join(", ")}`;
    throw new LoopError("ask_unknown", `Ticket ${number} has no ${what}. ${others}.`);
  }
  throw new UsageError(
    `Ticket ${number} has ${meant.length} open questions; say which one: ${meant.map(({ id, purpose }) => `${id} (${purpose})`).join(", ")}.`,
  );
}

const SETTLES_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 100;

/** Right after a message or an answer the next question is not open yet: while nothing of a ticket that is not closed waits for anybody, its run is moving. */
async function openAsksOf(api: Api, ticket: string): Promise<AskShape[]> {
  for (const deadline = performance.now() + SETTLES_WITHIN_MS; ;) {
    const { asks } = JSON.parse(await api.get(`/v1/asks?ticket=${ticket}`)) as { asks: AskShape[] };
    if (asks.length > 0 || performance.now() > deadline) return asks;
    const { status } = JSON.parse(await api.get(`/v1/tickets/${ticket}`)) as TicketShape;
    if (status === "resolved" || status === "cancelled") return asks;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
