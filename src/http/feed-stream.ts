import type { ServerResponse } from "node:http";
import type { Log } from "#src/kernel/log.ts";
import type { TokenId } from "#src/people/principal.ts";
import type { HttpLimits } from "./deps.ts";
import { drained } from "./drained.ts";
import type { FeedPage, FeedRequest } from "./feed.ts";
import type { OpenStream } from "./revoked.ts";

/** What may wait for a slow reader, in bytes. */
const LARGEST_BACKLOG = 1024 * 1024;
const RECONNECT_MS = 1_000;
/** How long a reader that was dropped may take to read why. */
const GRACE_MS = 2_000;

export interface StreamOptions {
  readonly page: (after: number) => Promise<FeedPage>;
  readonly limits: HttpLimits;
  readonly log: Log;
  /** Called once. */
  readonly ended: () => void;
}

/**
 * One reader of the journal. It has a position and nothing else: what it has not taken yet is read again from the journal, so a slow reader costs no more
 * memory than one page, and after a break it goes on where it was.
 */
export class FeedStream implements OpenStream {
  readonly tokenId: TokenId;
  readonly needs = "read";
  readonly #response: ServerResponse;
  readonly #options: StreamOptions;
  readonly #beat: NodeJS.Timeout;
  #position: number;
  #open = true;
  #pumping = false;
  #again = false;

  constructor(request: FeedRequest, options: StreamOptions) {
    this.tokenId = request.caller.tokenId;
    this.#response = request.response;
    this.#options = options;
    this.#position = request.after;
    this.#response.writeHead(200, {
      ...request.headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    this.#response.on("close", () => this.#finish());
    this.#response.write(`retry: ${RECONNECT_MS}\nid: ${this.#position}\n\n`);
    this.#beat = setInterval(() => this.#response.write(`: still here\nid: ${this.#position}\n\n`), options.limits.feedBeatMs);
    this.#beat.unref();
  }

  /** There may be something to send. */
  wake(): void {
    this.#again = true;
    if (this.#pumping || !this.#open) return;
    this.#pumping = true;
    this.#pump()
      .catch((error: unknown) => {
        this.#options.log.warn("a feed ended early", { error });
        this.end("database_unavailable");
      })
      .finally(() => {
        this.#pumping = false;
        if (this.#again) this.wake();
      });
  }

  /** Says why and where to go on, and closes. */
  end(code: string): void {
    if (!this.#open) return;
    this.#response.end(`event: end\ndata: ${JSON.stringify({ code, resumeAfter: this.#position })}\n\n`);
    setTimeout(() => this.#response.destroy(), GRACE_MS).unref();
    this.#finish();
  }

  async #pump(): Promise<void> {
    while (this.#open && this.#again) {
      this.#again = false;
      const page = await this.#options.page(this.#position);
      for (const { position, text } of page.lines) {
        if (!this.#open) return;
        this.#position = position;
        await this.#send(text);
      }
      this.#position = Math.max(this.#position, page.upTo);
      if (page.more) this.#again = true;
    }
  }

  async #send(text: string): Promise<void> {
    if (this.#response.write(text)) return;
    if (this.#response.writableLength > LARGEST_BACKLOG || !(await drained(this.#response, this.#options.limits.feedStallMs))) this.end("reader_too_slow");
  }

  #finish(): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#beat);
    this.#options.ended();
  }
}
