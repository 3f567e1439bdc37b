import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Caller, TokenId } from "#src/people/principal.ts";
import { type LiveNews, type LiveSeen, liveSince } from "#src/runs/live-watch.ts";
import { isOpen, RUN_MOVES, type RunStatus } from "#src/runs/run.ts";
import type { HttpLimits } from "./deps.ts";
import { drained } from "./drained.ts";
import type { OpenStream, Revocations } from "./revoked.ts";

const RECONNECT_MS = 1_000;
/** How long a reader that was dropped may take to read why. */
const GRACE_MS = 2_000;

interface LiveRequest {
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly caller: Caller;
  readonly runId: RunId;
}

interface LiveDeps {
  readonly db: Db;
  readonly log: Log;
  readonly limits: HttpLimits;
  readonly revocations: Revocations;
}

/** Everybody who watches a run over this server. */
export interface LiveStreams {
  /** Sends what the models of the run have said so far and what they say from now on, until it parks or ends, the reader goes, its token ends or the server stops. */
  follow(request: LiveRequest): void;
  /** Ends all streams. */
  close(): void;
}

export function createLiveStreams(deps: LiveDeps): LiveStreams {
  const streams = new Set<LiveStream>();
  return {
    follow(request) {
      const stream = new LiveStream(request, deps, () => {
        streams.delete(stream);
        release();
      });
      streams.add(stream);
      const release = deps.revocations.watch(stream);
    },
    close: () => streams.forEach((stream) => stream.end("server_stopping")),
  };
}

/** One who watches. What it has not taken yet is read again from the table, so a slow reader costs no more memory than one look. */
class LiveStream implements OpenStream {
  readonly tokenId: TokenId;
  readonly needs = "read";
  readonly #response: ServerResponse;
  readonly #deps: LiveDeps;
  readonly #runId: RunId;
  readonly #ended: () => void;
  readonly #beat: NodeJS.Timeout;
  readonly #seen: LiveSeen = new Map();
  readonly #closing = new AbortController();

  constructor({ response, headers, caller, runId }: LiveRequest, deps: LiveDeps, ended: () => void) {
    this.tokenId = caller.tokenId;
    this.#response = response;
    this.#deps = deps;
    this.#runId = runId;
    this.#ended = ended;
    response.writeHead(200, { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" });
    response.on("close", () => this.#finish());
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    this.#beat = setInterval(() => response.write(": still here\n\n"), deps.limits.feedBeatMs).unref();
    this.#watch().catch((error: unknown) => {
      deps.log.warn("watching a run ended early", { run: runId, error });
      this.end("database_unavailable");
    });
  }

  /** Says why, and closes. */
  end(code: string, state?: string): void {
    if (this.#closing.signal.aborted) return;
    this.#response.end(`event: end\ndata: ${JSON.stringify({ code, ...(state === undefined ? {} : { state }) })}\n\n`);
    setTimeout(() => this.#response.destroy(), GRACE_MS).unref();
    this.#finish();
  }

  async #watch(): Promise<void> {
    const { db, limits } = this.#deps;
    while (!this.#closing.signal.aborted) {
      const { news, moving, state } = await liveSince(db, this.#runId, this.#seen);
      for (const one of news) await this.#send(one);
      if (!moving) return this.end(hasEnded(state) ? "run_ended" : "run_parked", state);
      await sleep(limits.feedPollMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
    }
  }

  async #send(news: LiveNews): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const { actId: act } = news;
    const data = news.kind === "ends" ? { act, ends: true } : { act, text: news.text, begins: news.begins };
    if (this.#response.write(`data: ${JSON.stringify(data)}\n\n`)) return;
    if (!(await drained(this.#response, this.#deps.limits.feedStallMs))) this.end("reader_too_slow");
  }

  #finish(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearInterval(this.#beat);
    this.#ended();
  }
}

const hasEnded = (state: string): boolean => !(state in RUN_MOVES) || !isOpen(state as RunStatus);
