import type { RunId } from "#src/kernel/ids.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunStatus } from "#src/runs/run.ts";
import { requireRun } from "#src/runs/store/state.ts";
import type { RunWatch } from "#src/runs/watch.ts";
import { answerOfRun, findThreadMessageById, markDelivered } from "#src/tickets/store/thread-messages.ts";
import type { ThreadMessage } from "#src/tickets/thread.ts";

/** What became of a message: the run that took it rests, with its answer where it ended well. `run` undefined: its turn has not come. */
export interface TurnEnd {
  readonly run: { readonly id: RunId; readonly state: RunStatus; readonly reason: string | null } | undefined;
  readonly answer: ThreadMessage | undefined;
}

const UNTAKEN_POLL_MS = 100;

/** Waits until the run that takes a message rests, or the time is over. The answer counts as delivered once the caller says so by `delivered`. */
export async function awaitTurn(
  db: Db,
  watch: RunWatch,
  { messageId, timeoutMs, signal }: { readonly messageId: string; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<TurnEnd> {
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.max(0, endsAt - performance.now());
    const message = await findThreadMessageById(db, messageId);
    if (message?.runId) {
      await watch.rested(message.runId, { timeoutMs: leftMs, signal });
      return endOf(db, message.runId);
    }
    if (leftMs === 0 || signal?.aborted) return { run: undefined, answer: undefined };
    await new Promise((resolve) => setTimeout(resolve, Math.min(UNTAKEN_POLL_MS, leftMs)));
  }
}

/** How the turn of a run stands now. */
export async function endOf(db: Db, runId: string): Promise<TurnEnd> {
  const { id, state, reason } = await requireRun(db, runId);
  return { run: { id, state, reason }, answer: state === "done" ? await answerOfRun(db, runId) : undefined };
}

/** These answers reached whoever asked: later turns of the thread know of them. Safe to repeat. */
export const delivered = (db: Db | Transaction, messageIds: readonly string[]): Promise<void> => markDelivered(db, messageIds);
