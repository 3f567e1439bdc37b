import type { LoopDeps, Speaker } from "../contract/verb.ts";
import { movedSince, type Part, PARTS } from "./cursor.ts";
import { type Sight, watchWorld } from "./watch.ts";
import { worldOf } from "./world.ts";

export interface WaitWish {
  /** What the waiter has seen; left out: what there is now, except that an ask which it may answer ends the wait. */
  readonly since?: string | undefined;
  /** Only asks that it may answer. */
  readonly onlyAsks: boolean;
  /** Only what it can do something about: asks that it may answer, and the playbook, goals and snapshots. */
  readonly actionable: boolean;
  readonly timeoutMs: number;
}

/** Empty: the time was over. */
export interface Waited {
  readonly changed: readonly (Part | "pulse-down")[];
  /** What had been seen when the wait began; whoever waits on gives it back, so that nothing between two waits is missed. */
  readonly since: string;
}

/** A pulse that is only being handed over is not down. */
const PULSE_MISSING_MS = 3_000;

/** Ends when the world moves, or has moved. It costs nothing but the look that all waiters share. @throws LoopError input_invalid for what is no cursor */
export async function waitFor(deps: LoopDeps, { caller, signal }: Speaker, wish: WaitWish): Promise<Waited> {
  let since = wish.since;
  let changed: Waited["changed"] = [];
  const see = ({ world, downMs }: Sight): boolean => {
    const now = world.cursor(caller);
    const isFirst = since === undefined;
    since ??= now;
    changed = isFirst && world.actionable(caller) > 0 ? ["asks"] : changesBetween(since, now, wish);
    if (downMs >= PULSE_MISSING_MS) changed = [...changed, "pulse-down"];
    return changed.length > 0;
  };
  const isOver = see({ world: await worldOf(deps), downMs: 0 }) || wish.timeoutMs === 0;
  if (!isOver) await watchWorld(deps, AbortSignal.any([signal, AbortSignal.timeout(wish.timeoutMs)]), see);
  return { changed, since: since! };
}

function changesBetween(since: string, now: string, { onlyAsks, actionable }: WaitWish): Part[] {
  const moved = movedSince(since, now);
  const asks = onlyAsks || actionable ? moved.has("yours") : moved.has("yours") || moved.has("asks");
  const looksAt = (part: Part): boolean => (part === "asks" ? asks : !onlyAsks && !(actionable && part === "journal") && moved.has(part));
  return PARTS.filter(looksAt);
}
