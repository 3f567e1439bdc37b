import type { Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { newId, type ThreadId } from "#src/kernel/ids.ts";
import { insertThreadMessage, waitingMessages } from "#src/tickets/store/thread-messages.ts";
import { lockThread } from "#src/tickets/store/threads.ts";
import type { RunPlace } from "../create.ts";
import type { Outcome } from "../procedure.ts";
import { readSoFar } from "../read-so-far.ts";
import type { Run } from "../run.ts";
import type { Session } from "../session.ts";
import { openTurnOf } from "../store/turns.ts";
import { beginTurn } from "./begin.ts";

/** The thread whose turn this run is; undefined for all other runs. */
export const threadOf = (run: Pick<Run, "threadId" | "parentRunId">): ThreadId | undefined =>
  run.parentRunId === null ? (run.threadId ?? undefined) : undefined;

/** Whether something was said to the run that it has not read. Asked under the lock of the run, which whoever says something takes first. */
export async function isSteered(tx: Transaction, run: Run): Promise<boolean> {
  const threadId = threadOf(run);
  return threadId !== undefined && (await waitingMessages(tx, threadId, "steer")).length > 0;
}

/** Puts the answer of a run that ended well into its thread. */
export async function recordAnswer(tx: Transaction, { engine, state }: Session, outcome: Outcome): Promise<void> {
  const { run } = state;
  const threadId = threadOf(run);
  if (!threadId) return;
  const id = newId("msg", engine.clock.nowMs());
  const said = { id, threadId, role: "agent", author: run.agent, trust: "agent", text: outcome.said, content: outcome.value ?? null } as const;
  await insertThreadMessage(tx, { ...said, attachments: [], way: "turn", brief: readSoFar(state) as unknown as Json, runId: run.id });
}

/** After the end of a turn, in the same commit: what waits in its thread gets the next one. */
export async function continueThread(tx: Transaction, place: RunPlace, threadId: ThreadId): Promise<void> {
  if ((await waitingMessages(tx, threadId)).length === 0) return;
  await lockThread(tx, threadId);
  if (await openTurnOf(tx, threadId)) return;
  failpoint("thread.continue");
  try {
    await beginTurn(tx, place, threadId);
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    await append(tx, place.clock, [{ kind: "thread.stuck", actor: "system", payload: { thread: threadId, code: error.code, why: error.message } }]);
  }
}
