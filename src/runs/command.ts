import { cancelActsOfRun } from "#src/acts/store/plan.ts";
import type { Answerer } from "#src/asks/ask.ts";
import { cancelAsksOfRun } from "#src/asks/store/settle.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { wake } from "#src/leases/store/wake.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { type Run, RUN_MOVES, type RunStatus } from "./run.ts";
import { childrenOf, orphans } from "./store/children.ts";
import { requireRun } from "./store/state.ts";
import { seizeRun } from "./store/write.ts";

const ORPHANS_AT_ONCE = 100;

export interface Command {
  readonly runId: string;
  readonly by: Answerer;
  readonly reason: string;
}

/** Stops a run for good. What it already did stays done; its open asks and planned acts are cancelled. @throws LoopError run_unknown | run_not_open */
export async function cancelRun(db: Db, clock: Clock, command: Command): Promise<Run> {
  const run = await seize(db, clock, { command, to: "cancelled" });
  failpoint("cancel.seized");
  await returnAllotment(db, run.id);
  await cancelParts(db, clock, { ...command, runId: run.id });
  return run;
}

/** The parts that a run gave away end with it; a chore finds those that a crash left. */
async function cancelParts(db: Db, clock: Clock, command: Command & { readonly runId: RunId }): Promise<void> {
  for (const part of await childrenOf(db, command.runId)) {
    if (!part.isOver) await cancelRun(db, clock, { ...command, runId: part.id }).catch(ignoreEnded);
  }
}

function ignoreEnded(error: unknown): void {
  if (!(error instanceof LoopError && error.code === "run_not_open")) throw error;
}

/** Cancels runs that were given a part of the work of a run that has ended. Gives how many. */
export async function cancelOrphans(db: Db, clock: Clock): Promise<number> {
  const found = await orphans(db, ORPHANS_AT_ONCE);
  const by = { id: "prn_system" as const, handle: "system", roles: [] };
  for (const runId of found) await cancelRun(db, clock, { runId, by, reason: "the run that gave it this work has ended" }).catch(ignoreEnded);
  return found.length;
}

/** Holds a run where it is, until `resumeRun`. @throws LoopError run_unknown | run_not_open */
export const pauseRun = (db: Db, clock: Clock, command: Command): Promise<Run> => seize(db, clock, { command, to: "paused" });

/** Lets a paused run go on. @throws LoopError run_unknown | run_not_open */
export const resumeRun = (db: Db, clock: Clock, command: Command): Promise<Run> => seize(db, clock, { command, to: "queued" });

const EVENT_OF = { cancelled: "run.cancelled", paused: "run.paused", queued: "run.resumed" } as const;

async function seize(db: Db, clock: Clock, { command, to }: { command: Command; to: keyof typeof EVENT_OF }): Promise<Run> {
  const run = await requireRun(db, command.runId);
  await inTransaction(db, async (tx) => {
    const seized = await seizeRun(tx, run.id, { from: statesBefore(to), to, reason: command.reason, due: to === "queued", ends: to === "cancelled" });
    if (!seized) throw notPossible(await requireRun(tx, run.id), to);
    const cancelled = to === "cancelled" ? { asks: await cancelAsksOfRun(tx, run.id), acts: await cancelActsOfRun(tx, run.id) } : {};
    if (to === "cancelled" && run.parentRunId !== null) await wake(tx, [run.parentRunId]);
    if (to === "cancelled" && run.ticketId && run.parentRunId === null) await moveTicket(tx, run.ticketId, { status: "blocked" });
    const payload = { by: command.by.handle, reason: command.reason, ...cancelled };
    await append(tx, clock, [{ kind: EVENT_OF[to], actor: command.by.id, runId: run.id, ...(run.ticketId ? { ticketId: run.ticketId } : {}), payload }]);
  });
  return requireRun(db, run.id);
}

/** For a person's command: a queued run is also one that was quarantined, but that goes by its ask. */
function statesBefore(to: RunStatus): RunStatus[] {
  if (to === "queued") return ["paused"];
  return (Object.keys(RUN_MOVES) as RunStatus[]).filter((from) => (RUN_MOVES[from] as readonly RunStatus[]).includes(to));
}

function notPossible(run: Run, to: RunStatus): LoopError {
  return new LoopError("run_not_open", `The run ${run.id} is ${run.state}; it cannot become ${to}.`, { facts: { run: run.id, state: run.state } });
}
