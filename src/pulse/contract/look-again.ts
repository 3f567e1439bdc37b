import type { LoopDeps } from "./verb.ts";

const LOOK_EVERY_MS = 1_000;

/**
 * Looks until there is something, the time is over or the signal comes; undefined for the latter two. A change that is told of is looked at at once; one look each
 * second is the truth, since what is told may be lost.
 */
export async function lookUntil<T>(
  deps: Pick<LoopDeps, "onChange">,
  until: { readonly timeoutMs: number; readonly signal: AbortSignal },
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const { timeoutMs, signal } = until;
  let wakeUp = (): void => undefined;
  let isTold = true;
  const told = (): void => {
    isTold = true;
    wakeUp();
  };
  const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const unsubscribe = deps.onChange?.(told, "record");
  const each = setInterval(told, LOOK_EVERY_MS);
  over.addEventListener("abort", told, { once: true });
  try {
    for (;;) {
      isTold = false;
      const found = await look();
      if (found !== undefined || over.aborted) return found;
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
        if (isTold) resolve();
      });
    }
  } finally {
    clearInterval(each);
    unsubscribe?.();
  }
}
