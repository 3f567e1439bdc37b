import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { idPath } from "../references.ts";
import { eventLine } from "../render/event-line.ts";
import { liveWriter } from "../render/live-writer.ts";
import type { Context } from "../verb.ts";
import { followEvents } from "./server-events.ts";
import type { EventShape, LiveShape, RunShape } from "./shapes.ts";

const PAGE = 1_000;
const AGAIN_AFTER_MS = 1_000;
const ENDS: ReadonlySet<string> = new Set(["run.done", "run.failed", "run.cancelled", "run.interrupted"]);

/** Shows the events of a run and what its models say, until it has ended. @throws LoopError run_unknown, or what refuses the reader */
export async function followRun(context: Context, typed: string): Promise<void> {
  const run = JSON.parse(await context.api().get(`/v1/runs/${idPath(typed)}`)) as RunShape;
  if (run.endedAt !== null) return showPast(context, run.id);
  const following = new Following(context, run.id);
  following.listen();
  await following.events();
}

async function showPast(context: Context, runId: string): Promise<void> {
  for (let after = 0; ;) {
    const path = `/v1/journal?${new URLSearchParams({ run: runId, after: String(after), limit: String(PAGE) }).toString()}`;
    const { events, nextAfter } = JSON.parse(await context.api().get(path)) as { events: EventShape[]; nextAfter: number };
    for (const event of events) context.print(await eventText(context, event));
    if (events.length < PAGE) return;
    after = nextAfter;
  }
}

const eventText = async (context: Context, event: EventShape): Promise<string> =>
  context.json ? JSON.stringify(event) : eventLine(event, await context.look());

/** Two streams of one server: the events go on until the run ends; what is being said is listened to anew whenever a model begins to speak. */
class Following {
  readonly #context: Context;
  readonly #runId: string;
  readonly #writer: ReturnType<typeof liveWriter>;
  readonly #done = new AbortController();
  #listening: Promise<void> | undefined;

  constructor(context: Context, runId: string) {
    this.#context = context;
    this.#runId = runId;
    this.#writer = liveWriter(context);
  }

  async events(): Promise<void> {
    for (let [last, isLost] = [0, false]; ;) {
      try {
        const path = `/v1/feed?${new URLSearchParams({ run: this.#runId, after: String(last) }).toString()}`;
        for await (const { data } of followEvents(this.#context.target(), path, this.#done.signal)) {
          isLost = false;
          if (data === undefined) continue;
          const event = JSON.parse(data) as EventShape;
          last = event.position;
          if (await this.#show(event)) return;
        }
      } catch (error) {
        if (!(error instanceof LoopError) || error.retry === "never") throw error;
      }
      if (!isLost) this.#context.say(`Disconnected after position ${last}. Trying again until Ctrl-C.`);
      isLost = true;
      await pause(AGAIN_AFTER_MS);
    }
  }

  /** True when it was the last one. */
  async #show(event: EventShape): Promise<boolean> {
    this.#writer.line(await eventText(this.#context, event));
    if ((event.payload as { kind?: unknown } | undefined)?.kind === "model" && event.kind === "act.started") this.listen();
    if (!ENDS.has(event.kind)) return false;
    this.#done.abort();
    await this.#listening;
    return true;
  }

  /** Losing it loses nothing: an end of the stream, for whatever reason, is the end of it until the next model speaks. */
  listen(): void {
    this.#listening ??= this.#listen()
      .catch((error: unknown) => {
        if (!(error instanceof LoopError)) throw error;
      })
      .finally(() => (this.#listening = undefined));
  }

  async #listen(): Promise<void> {
    for await (const { data } of followEvents(this.#context.target(), `/v1/runs/${this.#runId}/live`, this.#done.signal)) {
      if (data !== undefined) this.#writer.live(JSON.parse(data) as LiveShape);
    }
  }
}
