import type { Transaction } from "#src/database/open.ts";
import type { Queue } from "#src/database/queue.ts";
import { type CallbackDeps, deliverCallback } from "./callback.ts";
import { callbackOf } from "./store/calls.ts";

/** In the commit that ends a run: the jobs that come after it, to learn from it, and to send its result where a call wants one. */
export const enqueueAfter =
  (queue: Pick<Queue, "enqueue">) =>
  async (tx: Transaction, { runId }: { readonly runId: string }): Promise<void> => {
    await queue.enqueue(tx, "learn", { runId });
    const callId = await callbackOf(tx, runId);
    if (callId !== undefined) await queue.enqueue(tx, "callback", { callId });
  };

/** Sends what calls want to be sent, in this process. */
export function workCallbacks(queue: Pick<Queue, "work">, deps: CallbackDeps): Promise<void> {
  return queue.work<{ callId: string }>("callback", ({ data, signal }) => deliverCallback(deps, { callId: data.callId, signal }), { concurrency: 4 });
}
