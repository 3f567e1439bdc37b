import type { ServerResponse } from "node:http";
import type { Db } from "#src/database/open.ts";
import { type FeedEvent, type FeedFilter, lastPosition, readFeed } from "#src/journal/store/feed.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Caller } from "#src/people/principal.ts";
import type { HttpLimits } from "./deps.ts";
import { FeedStream } from "./feed-stream.ts";
import type { Revocations } from "./revoked.ts";

const PAGE = 200;
/** The newest events, kept while somebody follows: most followers are at the end, and one query then serves all of them. */
const WINDOW = 500;

export interface FeedRequest {
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly caller: Caller;
  /** The last position that the reader has. */
  readonly after: number;
  readonly filter: FeedFilter;
}

/** Everybody who follows the journal over this server. */
export interface Feed {
  /** Sends what comes after a position, until the reader goes, its token ends or the server stops. The head of the response is not sent yet. */
  follow(request: FeedRequest): void;
  /** A hint that the journal has grown; without one it is looked at in short intervals while somebody follows. */
  hint(): void;
  /** Ends all streams. */
  close(): void;
}

export function createFeed(deps: { readonly db: Db; readonly log: Log; readonly limits: HttpLimits; readonly revocations: Revocations }): Feed {
  const { db, log, limits, revocations } = deps;
  const streams = new Set<FeedStream>();
  const window = createWindow(db);
  let polling: NodeJS.Timeout | undefined;
  let looking = false;

  const look = (): void => {
    if (looking || streams.size === 0) return;
    looking = true;
    window
      .grow()
      .then((grown) => grown && streams.forEach((stream) => stream.wake()))
      .catch((error: unknown) => log.warn("the feed could not read the journal", { error }))
      .finally(() => (looking = false));
  };
  const stop = (): void => {
    clearInterval(polling);
    polling = undefined;
    window.forget();
  };
  return {
    follow(request) {
      const stream = new FeedStream(request, {
        page: (after) => window.page(after, request.filter),
        limits,
        log,
        ended: () => {
          release();
          if (streams.delete(stream) && streams.size === 0) stop();
        },
      });
      const release = revocations.watch(stream);
      streams.add(stream);
      polling ??= setInterval(look, limits.feedPollMs).unref();
      stream.wake();
      look();
    },
    hint: look,
    close: () => streams.forEach((stream) => stream.end("server_stopping")),
  };
}

/** An event as it goes over the wire. */
export interface FeedLine {
  readonly position: number;
  readonly text: string;
}

export interface FeedPage {
  readonly lines: readonly FeedLine[];
  /** Everything up to here has been looked at, whether or not it passed the filter. */
  readonly upTo: number;
  /** There may be more after `upTo` now. */
  readonly more: boolean;
}

const lineOf = (event: FeedEvent): FeedLine => ({ position: event.position, text: `id: ${event.position}\ndata: ${JSON.stringify(event)}\n\n` });

function createWindow(db: Db) {
  let newest: { readonly event: FeedEvent; readonly line: FeedLine }[] = [];
  let head: number | undefined; // the last position that the window has seen

  const grow = async (from: number): Promise<void> => {
    const page = await readFeed(db, { after: from, limit: WINDOW });
    newest = [...newest, ...page.map((event) => ({ event, line: lineOf(event) }))].slice(-WINDOW);
    head = page.at(-1)?.position ?? from;
    if (page.length === WINDOW) await grow(head);
  };

  return {
    /** Reads what came since; true when there was something. */
    async grow(): Promise<boolean> {
      const before = head;
      if (before === undefined) head = await lastPosition(db);
      else await grow(before);
      return head !== before;
    },
    async page(after: number, filter: FeedFilter): Promise<FeedPage> {
      if (head !== undefined && after >= head) return { lines: [], upTo: after, more: false };
      if (head !== undefined && newest[0] && after >= newest[0].event.position - 1) {
        return { lines: newest.filter(({ event }) => event.position > after && passes(event, filter)).map(({ line }) => line), upTo: head, more: false };
      }
      const sure = head ?? after; // visible before the read, so a short page has looked at all of it
      const page = await readFeed(db, { after, limit: PAGE, filter });
      const last = page.at(-1)?.position ?? after;
      const full = page.length === PAGE;
      return { lines: page.map(lineOf), upTo: full ? last : Math.max(sure, last), more: full };
    },
    forget() {
      newest = [];
      head = undefined;
    },
  };
}

function passes(event: FeedEvent, { ticketId, runId, kinds }: FeedFilter): boolean {
  return (
    (ticketId === undefined || event.ticketId === ticketId) &&
    (runId === undefined || event.runId === runId) &&
    (kinds === undefined || kinds.includes(event.kind))
  );
}
