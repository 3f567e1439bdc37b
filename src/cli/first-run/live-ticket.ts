import type { Api, Target } from "../client/api.ts";
import { followEvents, type ServerEvent } from "../client/server-events.ts";
import type { EventShape, RunDetailShape, RunShape } from "../client/shapes.ts";
import type { Look } from "../render/look.ts";
import { storyOf } from "../render/story.ts";
import { chapterText } from "../render/story-text.ts";

/** The server was told to stop in the middle of it. */
export class Stopped extends Error {}

/** The journal did not come to where it should have. */
export class NotReached extends Error {}

export interface LiveOptions {
  readonly api: Api;
  readonly target: Target;
  readonly ticketId: string;
  readonly signal: AbortSignal;
  readonly print: (text: string) => void;
  readonly look: () => Look;
}

/** A ticket that is told while it happens. */
export interface LiveTicket {
  /** Tells what the journal says until an event is the one that is waited for, and gives that. @throws Stopped | NotReached when that takes longer than `withinMs` */
  until(what: string, isReached: (event: EventShape) => boolean, withinMs?: number): Promise<EventShape>;
  /** Its runs as they are now. */
  runs(): Promise<RunDetailShape[]>;
  close(): void;
}

const USUAL_WAIT_MS = 60_000;

export function followTicket(options: LiveOptions): LiveTicket {
  const { api, target, ticketId, signal } = options;
  const closing = new AbortController();
  const stream = followEvents(target, `/v1/feed?after=0&ticket=${ticketId}`, AbortSignal.any([signal, closing.signal]));
  let firstMs: number | undefined;

  const runs = async (): Promise<RunDetailShape[]> => {
    const listed = JSON.parse(await api.get(`/v1/runs?ticket=${ticketId}`)) as { runs: RunShape[] };
    return Promise.all(listed.runs.map(async ({ id }) => JSON.parse(await api.get(`/v1/runs/${id}`)) as RunDetailShape));
  };
  const tell = async (event: EventShape): Promise<void> => {
    firstMs ??= Date.parse(event.at);
    const needsRun = /^(act|ask)\./.test(event.kind);
    const since = ((Date.parse(event.at) - firstMs) / 1_000).toFixed(1).padStart(5);
    for (const chapter of storyOf([event], needsRun ? await runs() : [])) options.print(chapterText(chapter, `${since} s`, options.look()));
  };
  return {
    async until(what, isReached, withinMs = USUAL_WAIT_MS) {
      for (const deadline = performance.now() + withinMs; ;) {
        const event = await nextEvent(stream, { signal, what, waitMs: deadline - performance.now() });
        await tell(event);
        if (isReached(event)) return event;
      }
    },
    runs,
    close: () => closing.abort(),
  };
}

interface Waiting {
  readonly signal: AbortSignal;
  readonly what: string;
  readonly waitMs: number;
}

async function nextEvent(stream: AsyncGenerator<ServerEvent>, { signal, what, waitMs }: Waiting): Promise<EventShape> {
  for (;;) {
    const next = await within(stream.next(), { what, waitMs });
    if (signal.aborted) throw new Stopped();
    if (next.done) throw new NotReached(`the feed ended before ${what}`);
    if (next.value.data !== undefined) return JSON.parse(next.value.data) as EventShape;
  }
}

function within<T>(work: Promise<T>, { what, waitMs }: Pick<Waiting, "what" | "waitMs">): Promise<T> {
  if (waitMs === Infinity) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new NotReached(`${what} did not come in time`)), Math.max(0, waitMs));
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
