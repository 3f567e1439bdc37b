import type { LoopDeps } from "#src/pulse/contract/verb.ts";

/** What the verbs of the contract work on, for tools that are made before all of it is there. */
export interface HeldDeps {
  /** As soon as the server has started: a run that goes on after a crash may call one before. */
  deps(): Promise<LoopDeps>;
  hold(deps: LoopDeps): void;
}

export function heldDeps(): HeldDeps {
  const { promise, resolve } = Promise.withResolvers<LoopDeps>();
  return { deps: () => promise, hold: resolve };
}
