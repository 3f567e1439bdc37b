import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { UsageError } from "../arguments.ts";
import { followEvents } from "../client/server-events.ts";
import type { EventShape } from "../client/shapes.ts";
import { ticketPath } from "../references.ts";
import { eventLine } from "../render/event-line.ts";
import type { Context, Given, Verb } from "../verb.ts";

/** How much of the past is shown when nobody says from where. */
const LATEST = 30;
const PAGE = 1_000;
const AGAIN_AFTER_MS = 1_000;

export const feedShow: Verb = {
  args: "",
  flags: {
    follow: { means: "go on with what comes, until Ctrl-C; it reconnects by itself" },
    after: { takes: "text", value: "position", means: "from after this position on; 0 from the beginning; left out: the latest" },
    ticket: { takes: "text", value: "ticket", means: "only what belongs to this ticket" },
    kind: { takes: "list", value: "kind", means: "only this kind, such as ask.answered; may come several times" },
  },
  words: { least: 0, most: 0 },
  about: "One line for each event, oldest first. With --json one JSON object a line.",
  examples: ["loop feed", "loop feed --follow", "loop feed --after 0 --ticket 12 --json"],
  async run(given, context) {
    const filter = filterOf(given);
    const after = given.text("after") === undefined ? await beforeLatest(context) : positionOf(given.text("after")!);
    const last = await showPast(context, { after, filter });
    if (given.has("follow")) await showFuture(context, { after: last, filter });
  },
};

type Pair = [string, string];

function filterOf(given: Given): Pair[] {
  const ticket = given.text("ticket");
  return [
    ...(ticket === undefined ? [] : [["ticket", decodeURIComponent(ticketPath(ticket))] as Pair]),
    ...given.list("kind").map((kind) => ["kind", kind] as Pair),
  ];
}

function positionOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--after got ${JSON.stringify(text.slice(0, 40))}. Expected a position: a whole number, as feed prints it.`);
}

const query = (after: number, filter: readonly Pair[]): string => new URLSearchParams([["after", String(after)], ...filter]).toString();

/** The stream begins by saying where the journal ends. */
async function beforeLatest(context: Context): Promise<number> {
  const controller = new AbortController();
  for await (const { id } of followEvents(context.target(), "/v1/feed", controller.signal)) {
    controller.abort();
    return Math.max(0, Number(id ?? 0) - LATEST);
  }
  return 0;
}

interface Wanted {
  readonly after: number;
  readonly filter: readonly Pair[];
}

/** Gives where it ended. */
async function showPast(context: Context, { after, filter }: Wanted): Promise<number> {
  const api = context.api();
  let last = after;
  for (;;) {
    const { events, nextAfter } = JSON.parse(await api.get(`/v1/journal?${query(last, filter)}&limit=${PAGE}`)) as { events: EventShape[]; nextAfter: number };
    for (const event of events) await show(context, event);
    last = nextAfter;
    if (events.length < PAGE) return last;
  }
}

async function show(context: Context, event: EventShape): Promise<void> {
  context.print(context.json ? JSON.stringify(event) : eventLine(event, await context.look()));
}

async function showFuture(context: Context, { after, filter }: Wanted): Promise<void> {
  let last = after;
  let isLost = false;
  for (;;) {
    try {
      for await (const { data } of followEvents(context.target(), `/v1/feed?${query(last, filter)}`, new AbortController().signal)) {
        if (isLost) context.say("Connected again.");
        isLost = false;
        if (data === undefined) continue;
        const event = JSON.parse(data) as EventShape;
        last = event.position;
        await show(context, event);
      }
    } catch (error) {
      if (!(error instanceof LoopError) || error.retry === "never") throw error;
    }
    if (!isLost) context.say(`Disconnected after position ${last}. Trying again until Ctrl-C.`);
    isLost = true;
    await pause(AGAIN_AFTER_MS);
  }
}
