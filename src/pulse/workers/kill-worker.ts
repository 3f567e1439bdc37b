import { inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { wake } from "#src/leases/store/wake.ts";
import type { Caller } from "#src/people/principal.ts";
import { cancelRun } from "#src/runs/command.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { noteAction } from "../store/action-lines.ts";
import { keepStop, workerActOf } from "../store/worker-acts.ts";
import { liveRunOf } from "../store/worker-asks.ts";

const GRACE_MS = 5_000;

/**
 * Wants a worker ended: that stands on record before its process is told, and whoever watches it sees to it where this process cannot. One that was not started yet is
 * cancelled. @throws LoopError worker_unknown for one that does not run
 */
export async function killWorker(
  deps: LoopDeps,
  caller: Caller,
  { name, reason, journal }: { readonly name: string; readonly reason: string; readonly journal?: string | undefined },
): Promise<void> {
  const { db, clock } = deps;
  const live = await liveRunOf(db, name);
  if (!live)
    throw new LoopError("worker_unknown", `There is no worker ${name} that runs. \`loop _ worker list -a\` shows those there were.`, {
      facts: { worker: name },
    });
  const { runId, ticketId } = live;
  const act = await workerActOf(db, runId);
  const line = journal ?? `kill-worker ${name}`;
  if (!act || act.state === "planned" || act.state === "asked") {
    await cancelRun(db, clock, { runId, by: caller, reason });
    await noteAction(db, clock, { caller, line, runId });
    return;
  }
  await inTransaction(db, async (tx) => {
    await wake(tx, [runId]);
    if (!(await keepStop(tx, act.id, { by: caller.handle, reason, ...(caller.runId === runId ? { self: true as const } : {}) }))) return;
    await append(tx, clock, [
      { kind: "worker.stop_wanted", actor: caller.id, runId, ticketId, payload: { act: act.id, worker: name, by: caller.handle, reason } },
    ]);
    await noteAction(tx, clock, { caller, line, runId });
  });
  await deps.workers?.stop(act.key, GRACE_MS);
}
