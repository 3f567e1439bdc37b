import type { Act } from "#src/acts/act.ts";
import type { WorkerEnd, WorkerWait } from "#src/acts/perform-worker.ts";
import { moveAct } from "#src/acts/store/plan.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { revokeTokensOfRun } from "#src/people/store/tokens.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";

/** The program of an act has ended: how stands on the act, and its credential opens nothing any more. */
export async function settleWorker(session: Session, act: Act, end: WorkerEnd): Promise<Made> {
  const { engine, lease, state } = session;
  const { stop } = act.handle as unknown as WorkerWait;
  const result = { ...(act.result as object), ...end, ...(stop ? { stoppedBy: stop.by, ...(stop.self ? { endedItself: true } : {}) } : {}) } as unknown as Json;
  const error = { code: "worker_lost", message: "The host or its supervisor went away before it could be said how it ended. What it did so far stands." };
  const isLost = end.state === "lost";
  await fencedMove(engine.db, lease, async (tx) => {
    await moveAct(tx, isLost ? { act, to: "failed", result, error } : { act, to: "done", result });
    failpoint("worker.settled");
    await revokeTokensOfRun(tx, state.run.id);
    await append(tx, engine.clock, [
      runEvent(session, isLost ? "act.failed" : "act.done", { act: act.id, kind: act.kind, name: act.name, result, error: isLost ? error : undefined }),
    ]);
  });
  failpoint("worker.settlement_committed");
  return { kind: "moved" };
}
