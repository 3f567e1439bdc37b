import type { ListedTool } from "#src/acts/ports/tool-pins.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createTurns, type Turns } from "#src/kernel/turns.ts";
import { createCircuit } from "./circuit.ts";
import type { ServerAnswer } from "./result.ts";
import { ServerTrouble, troubleOf } from "./trouble.ts";
import { NoAnswer, ServerRefusal, type Session } from "./session.ts";

const IDLE_MS = 600_000;
/** A server that says again and again that its tools changed is asked once in this time. */
const LIST_PAUSE_MS = 500;
/** A list is looked at again before a call when it is older: not every server says that something changed. */
const LISTED_FOR_MS = 60_000;

export interface ConnectionOptions {
  readonly server: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
  /** Opens a session; `onListChanged` is for whoever opens it to pass on. */
  readonly open: (onListChanged: () => void) => Promise<Session>;
  /** Called with what the server lists, at every connection and every time that it says that this changed. Awaited before any call. */
  readonly listed: (tools: readonly ListedTool[], more: boolean) => Promise<void>;
}

export interface Call {
  readonly tool: string;
  readonly args: Json;
  readonly signal: AbortSignal;
  /** Doing it twice does no harm: it may be tried again when the connection breaks. */
  readonly mayRepeat: boolean;
  /** Asked with what the server lists now, right before the call. @throws LoopError */
  readonly confirm: () => void;
}

/** The way to one server, made when it is first needed, closed when it is not used, made anew when it breaks: with pauses that grow. */
export interface Connection {
  /** Connects in the background, if the server may be asked now. Never rejects. */
  wake(): Promise<void>;
  /** @throws LoopError tool_failed | tool_unavailable with what is wrong with the server; ServerRefusal with the server's own words */
  call(call: Call): Promise<ServerAnswer>;
  /** Why calls would be refused now; null: they would be tried. */
  blocked(): string | null;
  /** Why it failed last, while nothing has worked since. */
  trouble(): string | null;
  close(): Promise<void>;
}

/** Something came between a call and its answer. */
class Broken extends Error {}

export const createConnection = (options: ConnectionOptions): Connection => new LazyConnection(options);

class LazyConnection implements Connection {
  readonly #options: ConnectionOptions;
  readonly #circuit = createCircuit();
  readonly #turns: Turns;
  #opening: Promise<Session> | undefined;
  #relisting: Promise<void> | undefined;
  #listedMs = 0;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#turns = createTurns(options.concurrency);
  }

  wake(): Promise<void> {
    return this.#session().then(
      () => this.#rest(),
      () => undefined,
    );
  }

  async call(call: Call): Promise<ServerAnswer> {
    const leave = await this.#turns.take(call.signal);
    try {
      return await this.#once(call).catch((error: unknown) => {
        if (!(error instanceof Broken) || error.cause instanceof NoAnswer || call.signal.aborted || !call.mayRepeat) throw error;
        return this.#once(call);
      });
    } catch (error) {
      throw error instanceof Broken ? namedFailure(this.#options, call, error.cause) : error;
    } finally {
      leave();
      this.#rest();
    }
  }

  blocked(): string | null {
    return this.#circuit.open()?.why ?? null;
  }

  trouble(): string | null {
    return this.#circuit.trouble();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#opening?.then((open) => open.close()).catch(() => undefined);
  }

  async #once(call: Call): Promise<ServerAnswer> {
    const open = await this.#listedSession();
    call.confirm();
    try {
      const answer = await open.call(call.tool, call.args, { signal: call.signal, timeoutMs: this.#options.timeoutMs });
      this.#circuit.worked();
      return answer;
    } catch (error) {
      if (error instanceof ServerRefusal) {
        this.#circuit.worked();
        throw error;
      }
      if (!call.signal.aborted) this.#circuit.failed(troubleOf(error));
      if (error instanceof NoAnswer && this.#circuit.open()) await open.close(); // it may hang for good: the next call starts it anew
      throw new Broken("the call broke off", { cause: error });
    }
  }

  /** A session of which it is known what it lists now. */
  async #listedSession(): Promise<Session> {
    const open = await this.#session();
    if (!this.#relisting && performance.now() - this.#listedMs < LISTED_FOR_MS) return open;
    await this.#relist(open, 0);
    return this.#session();
  }

  async #session(): Promise<Session> {
    const { server } = this.#options;
    const open = this.#circuit.open();
    if (this.#isClosed) throw unavailable(server, "it is no longer part of the workspace");
    if (open) throw unavailable(server, `it failed again and again and is left alone for ${Math.ceil(open.forMs / 1_000)} s more: ${open.why}`);
    const mine = (this.#opening ??= this.#connect());
    try {
      return await mine;
    } catch (error) {
      if (this.#opening === mine) {
        this.#opening = undefined;
        this.#circuit.failed(troubleOf(error));
      }
      throw error instanceof LoopError ? error : unavailable(server, troubleOf(error));
    }
  }

  async #connect(): Promise<Session> {
    const place: { session?: Session } = {};
    const session = await this.#options.open(() => {
      if (place.session && !place.session.gone.aborted) void this.#relist(place.session, LIST_PAUSE_MS);
    });
    await this.#listInto(session).catch(async (error: unknown) => {
      await session.close();
      throw error;
    });
    place.session = session;
    session.gone.addEventListener("abort", () => (this.#opening = undefined), { once: true });
    if (session.gone.aborted || this.#isClosed) {
      await session.close();
      throw new ServerTrouble("the connection ended");
    }
    return session;
  }

  async #listInto(session: Session): Promise<void> {
    const { tools, more } = await session.list();
    await this.#options.listed(tools, more);
    this.#listedMs = performance.now();
  }

  /** What it lists is unknown meanwhile: a call waits for it. When it fails, the next call connects anew. */
  #relist(session: Session, afterMs: number): Promise<void> {
    this.#relisting ??= pause(afterMs)
      .then(() => this.#listInto(session))
      .catch(() => session.close())
      .finally(() => (this.#relisting = undefined));
    return this.#relisting;
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (!this.#isClosed) this.#idle = setTimeout(() => void this.#closeIdle(), IDLE_MS).unref();
  }

  async #closeIdle(): Promise<void> {
    if (this.#turns.taken() === 0) await this.#opening?.then((open) => open.close()).catch(() => undefined);
  }
}

function namedFailure({ server, timeoutMs }: ConnectionOptions, call: Call, error: unknown): LoopError {
  const whether = call.mayRepeat ? "It may be tried again." : "Whether it did what it was asked is not known.";
  if (call.signal.aborted) return new LoopError("tool_failed", `The call of ${server}.${call.tool} was stopped. ${whether}`, { cause: error });
  const why = error instanceof NoAnswer ? `gave no answer within ${timeoutMs / 1_000} s` : `broke off: ${troubleOf(error)}`;
  return new LoopError("tool_failed", `The tool server ${server} ${why}. ${whether}`, { facts: { server, tool: call.tool }, cause: error });
}

const unavailable = (server: string, why: string): LoopError =>
  new LoopError("tool_failed", `The tool server ${server} cannot be asked: ${why}. Nothing was done. \`loop tools\` shows how it is.`, { facts: { server } });

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref());
