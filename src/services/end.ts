import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { delivered } from "#src/intake/await-answer.ts";
import { answerOfRun } from "#src/tickets/store/thread-messages.ts";
import type { RunEnd } from "#src/runs/run.ts";
import { readEnd } from "#src/runs/store/turns.ts";
import { findCall, type ServiceCall } from "./store/calls.ts";

type Named = Pick<ServiceCall, "id"> | { readonly runId: string; readonly service: string; readonly principalId: string };

/** How the run of a call stands; undefined while it waits for its turn. By a run, only that of the caller. @throws LoopError run_unknown */
export async function endOfCall(db: Db, named: Named): Promise<RunEnd | undefined> {
  const call = await findCall(db, "id" in named ? { id: named.id } : { runId: named.runId });
  if (!call || (!("id" in named) && (call.service !== named.service || call.principalId !== named.principalId)))
    throw new LoopError("run_unknown", "No call of yours to this service has such a run.");
  return call.runId === null ? undefined : readEnd(db, call.runId);
}

/** The result of a call reached whoever called: later turns of its session know of it. */
export async function callDelivered(db: Db | Transaction, call: Partial<Pick<ServiceCall, "threadId">>, runId: string): Promise<void> {
  if (call.threadId === null) return;
  const answer = await answerOfRun(db, runId);
  if (answer) await delivered(db, [answer.id]);
}
