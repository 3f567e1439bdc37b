import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { createApi, type Target } from "../client/api.ts";
import { look, type Seen, type StateShape } from "./seen.ts";

export interface Told {
  readonly seen: (seen: Seen) => void;
  /** Not connected, and why. */
  readonly lost: (why: string) => void;
}

const AGAIN_AFTER_MS = 1_000;
/** What happens within this is one look. */
const TOGETHER_MS = 150;

/**
 * Looks once, then whenever the server says that the world moved. A server that goes away is told and tried again each second, until the signal. `target` is
 * read at each try: a server that starts anew may have written another token.
 */
export async function follow(target: () => Target, told: Told, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await looks(target(), told, signal);
    } catch (error) {
      if (!(error instanceof LoopError)) throw error;
      if (!signal.aborted) told.lost(error.message);
    }
    await paused(AGAIN_AFTER_MS, signal);
  }
}

/** @throws LoopError when the connection is gone */
async function looks(target: Target, told: Told, signal: AbortSignal): Promise<void> {
  const api = createApi(target);
  let state = JSON.parse(await api.get("/v1/loop/state")) as StateShape;
  while (!signal.aborted) {
    told.seen(await look(api, state));
    const moved = JSON.parse(await api.get(`/v1/loop/wait?since=${state.cursor}`)) as StateShape & { readonly changed: readonly string[] };
    state = moved;
    await paused(moved.changed.includes("pulse-down") ? AGAIN_AFTER_MS : TOGETHER_MS, signal); // while the pulse is down every wait ends at once
  }
}

const paused = (ms: number, signal: AbortSignal): Promise<unknown> => pause(ms, undefined, { signal }).catch(() => undefined);
