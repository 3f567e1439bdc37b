import { setTimeout as sleep } from "node:timers/promises";

/** Looks again and again until the answer is true; false when it was not in time. Errors of the look count as "not yet". */
export async function until(look: () => Promise<boolean> | boolean, { limitMs, everyMs = 50 }: { limitMs: number; everyMs?: number }): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const isSo = await Promise.resolve()
      .then(look)
      .catch(() => false);
    if (isSo) return true;
    if (performance.now() >= deadline) return false;
    await sleep(everyMs);
  }
}

/** Runs the work over the items, so many at once. */
export async function inLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) await work(items[index]!);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
