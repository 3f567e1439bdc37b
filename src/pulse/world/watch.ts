import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "#src/database/open.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { type World, worldOf } from "./world.ts";

type Watched = Pick<LoopDeps, "db" | "workspaces" | "onChange" | "log">;

export interface Sight {
  readonly world: World;
  /** For how long no process has been the pulse, as far as this watch saw. */
  readonly downMs: number;
}

/** The look that is the truth where a hint was lost. */
const LOOK_EVERY_MS = 1_000;
/** Between two looks, however much changes. */
const REST_MS = 10;

const watches = new WeakMap<Db, Watch>();

/**
 * Shows the world to this waiter again and again, after each change and each second, until it says that it has seen enough or the signal ends it. All waiters
 * of a process share each look. What cannot be read is tried again at the next look.
 */
export async function watchWorld(deps: Watched, signal: AbortSignal, see: (sight: Sight) => boolean): Promise<void> {
  let watch = watches.get(deps.db);
  if (!watch) watches.set(deps.db, (watch = new Watch(deps)));
  await watch.until(signal, see);
}

interface Waiter {
  /** True: it goes. */
  readonly see: (sight: Sight) => boolean;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/** It looks only while somebody waits. */
class Watch {
  readonly #deps: Watched;
  readonly #waiters = new Set<Waiter>();
  #looking = false;
  #bell = Promise.withResolvers<void>();
  #downSinceMs: number | undefined;

  constructor(deps: Watched) {
    this.#deps = deps;
  }

  async until(signal: AbortSignal, see: Waiter["see"]): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { see, done: resolve, fail: reject };
    const end = (): void => resolve();
    signal.addEventListener("abort", end, { once: true });
    this.#waiters.add(waiter);
    this.#bell.resolve(); // a look that began before does not count
    if (!this.#looking) void this.#look();
    try {
      await promise;
    } finally {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.#bell.resolve();
      signal.removeEventListener("abort", end);
    }
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const quiet = this.#deps.onChange?.(() => this.#bell.resolve(), "record");
    while (this.#waiters.size > 0) {
      this.#bell = Promise.withResolvers();
      await this.#show();
      if (this.#waiters.size === 0) break;
      await sleep(REST_MS);
      await Promise.race([this.#bell.promise, sleep(LOOK_EVERY_MS - REST_MS, undefined, { ref: false })]);
    }
    quiet?.();
    this.#downSinceMs = undefined;
    this.#looking = false;
  }

  async #show(): Promise<void> {
    const waiters = [...this.#waiters];
    try {
      const world = await worldOf(this.#deps);
      this.#downSinceMs = world.marks.pulseAlive ? undefined : (this.#downSinceMs ?? performance.now());
      const sight = { world, downMs: this.#downSinceMs === undefined ? 0 : performance.now() - this.#downSinceMs };
      for (const waiter of waiters) this.#showTo(waiter, sight);
    } catch (error) {
      this.#deps.log.warn("the world could not be looked at; those who wait for it wait on", { error });
    }
  }

  #showTo(waiter: Waiter, sight: Sight): void {
    try {
      if (waiter.see(sight)) {
        this.#waiters.delete(waiter); // before the next look
        waiter.done();
      }
    } catch (error) {
      this.#waiters.delete(waiter);
      waiter.fail(error);
    }
  }
}
