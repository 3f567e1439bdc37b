import type { Db } from "#src/database/open.ts";
import type { ActId, RunId } from "#src/kernel/ids.ts";
import type { Log } from "#src/kernel/log.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { appendLive, clearLive, type LivePiece } from "./store/live.ts";

/** One call of a model that is speaking. */
export interface Speech {
  /** Takes a delta and returns at once; never throws. */
  readonly onText: (delta: string) => void;
  /** The outcome is on record, or there will be none: what was said so far is forgotten. Returns at once. */
  end(): void;
}

/** What models say while they say it, for whoever watches. Nothing depends on it: a write that fails is tried again, then let go, and no turn waits for one. */
export interface LiveText {
  speak(call: { readonly runId: RunId; readonly actId: ActId; readonly attempt: number }): Speech;
  /** Writes what is still to be written, once. */
  stop(): Promise<void>;
}

const WRITE_EVERY_MS = 100;
const AFTER_FAILURE_MS = 1_000;
/** What waits for a database that does not answer, of one call. Beyond it the rest of the call is not shown. Characters. */
const MOST_WAITING = 256 * 1024;
/** Pieces of one attempt at most: the pieces of a later attempt stand above those of an earlier one. */
const PIECES_OF_ATTEMPT = 1_000_000;

/** Which attempt a piece belongs to. */
export const attemptOf = (seq: number): number => Math.floor(seq / PIECES_OF_ATTEMPT);

/** What one call has said and nobody has written yet. */
interface Waiting {
  readonly runId: RunId;
  readonly actId: ActId;
  readonly first: number;
  next: number;
  text: string;
  isOver: boolean;
}

/** The writer of one process: all calls that spoke in the last 100 ms are one statement, however many they are. */
export const createLiveText = (parts: { readonly db: Db; readonly log: Log }): LiveText => new LiveWriter(parts.db, parts.log);

class LiveWriter implements LiveText {
  readonly #db: Db;
  readonly #log: Log;
  readonly #speaking = new Set<Waiting>();
  readonly #gone: { actId: ActId; before: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(db: Db, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  speak({ runId, actId, attempt }: { readonly runId: RunId; readonly actId: ActId; readonly attempt: number }): Speech {
    const first = attempt * PIECES_OF_ATTEMPT;
    const mine: Waiting = { runId, actId, first, next: first, text: "", isOver: false };
    return { onText: (delta) => this.#hear(mine, delta), end: () => this.#end(mine) };
  }

  async stop(): Promise<void> {
    this.#disarm();
    await this.#writing;
    if (this.#isBehind()) await this.#write();
    this.#disarm();
  }

  #hear(mine: Waiting, delta: string): void {
    if (mine.isOver || mine.text.length > MOST_WAITING) return;
    if (!this.#speaking.has(mine)) {
      this.#speaking.add(mine);
      if (attemptOf(mine.first) > 1) this.#gone.push({ actId: mine.actId, before: mine.first }); // what a lost attempt had said
    }
    mine.text += delta;
    this.#arm(WRITE_EVERY_MS);
  }

  #end(mine: Waiting): void {
    mine.isOver = true;
    if (!this.#speaking.delete(mine)) return;
    if (mine.next === mine.first && this.#writing === undefined) return; // nothing of it was written
    this.#gone.push({ actId: mine.actId, before: mine.first + PIECES_OF_ATTEMPT });
    this.#arm(WRITE_EVERY_MS);
  }

  #arm(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    }, ms).unref();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #isBehind(): boolean {
    return this.#gone.length > 0 || [...this.#speaking].some(({ text }) => text !== "");
  }

  async #write(): Promise<void> {
    const taken = [...this.#speaking].flatMap(takePiece);
    const cleared = this.#gone.splice(0);
    try {
      if (cleared.length > 0) await clearLive(this.#db, cleared);
      if (taken.length > 0)
        await appendLive(
          this.#db,
          taken.map(({ piece }) => piece),
        );
      for (const { of } of taken) of.next += 1;
      if (this.#isBehind()) this.#arm(WRITE_EVERY_MS);
    } catch (error) {
      this.#log.debug("live text was not written", { error });
      for (const { of, piece } of taken) of.text = piece.text + of.text;
      if (this.#isBehind()) this.#arm(AFTER_FAILURE_MS); // what was to be cleared is left to the sweep
    }
  }
}

/** All that waits, but for half of a character, whose other half is still to come. */
function takePiece(of: Waiting): { of: Waiting; piece: LivePiece }[] {
  const isHalf = /[\ud800-\udbff]$/.test(of.text);
  const text = isHalf ? of.text.slice(0, -1) : of.text;
  if (text === "") return [];
  of.text = isHalf ? of.text.slice(-1) : "";
  return [{ of, piece: { runId: of.runId, actId: of.actId, seq: of.next, text: storableJson(text) as string } }];
}
