import type { Transaction } from "#src/database/open.ts";
import type { Queue } from "#src/database/queue.ts";
import type { Run } from "#src/runs/run.ts";
import { type CallbackDeps, deliverCallback } from "./callback.ts";
import { callbackOf } from "./store/calls.ts";

/** In the commit that ends a run: the jobs that come after it, to learn from the work on a ticket, and to send its result where a call wants one. */
export const enqueueAfter =
  (queue: Pick<Queue, "enqueue">) =>
  ({ id, ticketId, brief }: Pick<Run, "id" | "ticketId" | "brief">): ((tx: Transaction) => Promise<void>) | undefined => {
    const mayCallBack = brief.service !== undefined && brief.callsBack !== false;
    if (ticketId === null && !mayCallBack) return undefined;
    return async (tx) => {
      if (ticketId !== null) await queue.enqueue(tx, "learn", { runId: id });
      const callId = mayCallBack ? await callbackOf(tx, id) : undefined;
      if (callId !== undefined) await queue.enqueue(tx, "callback", { callId });
    };
  };

/** Sends what calls want to be sent, in this process. */
export function workCallbacks(queue: Pick<Queue, "work">, deps: CallbackDeps): Promise<void> {
  return queue.work<{ callId: string }>("callback", ({ data, signal }) => deliverCallback(deps, { callId: data.callId, signal }), { concurrency: 4 });
}
