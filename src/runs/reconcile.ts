import { failpoint } from "#src/kernel/failpoint.ts";
import type { Lease } from "#src/leases/lease.ts";
import type { Engine } from "./engine.ts";
import { settleDelegation } from "./moves/delegate.ts";
import { finish } from "./moves/finish.ts";
import { refuseByAsk, settleByAsk } from "./moves/gate-answers.ts";
import { replaceByAsk } from "./moves/replace.ts";
import { findThenPerform, performActs } from "./moves/perform.ts";
import { park } from "./moves/park.ts";
import { settleWorker } from "./moves/settle-worker.ts";
import { takeUp } from "./moves/take-up.ts";
import { quarantine, quarantineAnswer } from "./moves/quarantine.ts";
import { askIfHappened, settleUnknown } from "./moves/recover.ts";
import { ask, plan, think } from "./moves/steps.ts";
import { type Move, nextMove } from "./next-move.ts";
import { isSettled } from "#src/acts/act.ts";
import { isOpen, type RunEnd, type RunState } from "./run.ts";
import type { Made, Session } from "./session.ts";
import { LeaseLost } from "./store/hold.ts";
import { readState, readStates } from "./store/state.ts";

export interface Until {
  /** Stop at once: the lease is lost, or the time to finish is over. */
  readonly abort: AbortSignal;
  /** False once the lease may have run out: this process stood still, and somebody else may have the run. */
  readonly isFresh: () => boolean;
  /** Stop after the move that is being made. */
  readonly stopping: () => boolean;
  /** Told when the run has ended. */
  readonly onEnd?: (end: RunEnd) => void;
}

/** `quiet`: nothing came of it that anybody else has to act on. */
export interface Reconciled {
  readonly quiet: boolean;
}

/**
 * Moves a claimed run as far as it goes now: until it parks, ends, or the lease is lost. Level-triggered: it reads the state and does the next thing, so it is
 * safe to call late, twice, and after a crash. Throws bugs and lost databases; never because of what an act does.
 */
export async function reconcile(engine: Engine, lease: Lease, until: Until): Promise<Reconciled> {
  const [claimed] = await readClaimed(engine, [lease]);
  return reconcileClaimed(engine, claimed!, until);
}

/** A claimed run with what was read of it since, and the workspace in force then. */
export interface Claimed {
  readonly lease: Lease;
  readonly state: RunState;
  /** By the steady clock of this process. */
  readonly readAtMs: number;
  readonly current: Session["current"];
}

/** Reads what the reconciles of these runs start from, of all of them together: runs that were woken at once are looked at with few statements. */
export async function readClaimed(engine: Engine, leases: readonly Lease[]): Promise<Claimed[]> {
  const ids = leases.map((lease) => lease.runId);
  const [current, states] = await Promise.all([engine.workspaces.current(), readStates(engine.db, ids)]);
  const readAtMs = performance.now();
  await engine.tools.follow(current);
  failpoint("reconcile.read");
  const byRun = new Map(states.map((state) => [state.run.id, state]));
  return leases.map((lease) => ({ lease, state: byRun.get(lease.runId)!, readAtMs, current })); // a run that was claimed is on record
}

/** As `reconcile`, from what was read before. What has happened since has raised the wake counter: the run is then due again when it parks. */
export async function reconcileClaimed(engine: Engine, claimed: Claimed, until: Until): Promise<Reconciled> {
  const { lease, current } = claimed;
  let { state, readAtMs } = claimed;
  let quiet = true;
  const pinned = state.run.revision === current.revision ? current.workspace : await engine.workspaces.at(state.run.revision);
  if (!isOpen(state.run.state)) return { quiet: false };
  for (;;) {
    if (until.abort.aborted || until.stopping()) throw new LeaseLost(`the reconcile of ${lease.runId} was told to stop`);
    const read = { nowMs: state.nowMs, atMs: readAtMs };
    const recordNowMs = (): number => Math.round(read.nowMs + performance.now() - read.atMs);
    const session: Session = { engine, lease, state, signal: until.abort, isFresh: until.isFresh, onEnd: until.onEnd ?? ignored, recordNowMs, pinned, current };
    const made = await makeMove(session);
    quiet &&= made.kind !== "parked" && (made.quiet ?? false);
    if (made.kind !== "moved") return { quiet };
    state = (mayGoOn(made.state) ? made.state : undefined) ?? (await readState(engine.db, lease.runId));
    readAtMs = performance.now();
    failpoint("reconcile.reread");
  }
}

const ignored = (): void => undefined;

/** In a conversation, what was said meanwhile is looked for before each new thought; the end of a run looks for it by itself. */
function mayGoOn(state: RunState | undefined): boolean {
  if (!state || state.run.threadId === null) return true;
  return state.acts.at(-1)?.kind === "model" || state.acts.some((act) => !isSettled(act.state));
}

async function makeMove(session: Session): Promise<Made> {
  const { engine, lease, state, pinned } = session;
  const answered = quarantineAnswer(session);
  if (answered) return answered();
  if (lease.tries > engine.maxTries) return quarantine(session);
  const procedure = engine.procedures.get(state.run.procedure);
  if (!procedure) throw new Error(`the procedure ${state.run.procedure} of ${state.run.id} is unknown`);
  return carryOut(session, nextMove(state, procedure, pinned));
}

function carryOut(session: Session, move: Move): Promise<Made> {
  switch (move.kind) {
    case "perform":
      return performActs(session, move.acts);
    case "findThenPerform":
      return findThenPerform(session, move.act);
    case "askIfHappened":
      return askIfHappened(session, move.act);
    case "settleUnknown":
      return settleUnknown(session, move.act, move.ask);
    case "refuse":
      return refuseByAsk(session, move.act, move.ask);
    case "replace":
      return replaceByAsk(session, move.act, move.ask);
    case "settle":
      return settleByAsk(session, move.act, move.ask);
    case "park":
      return park(session, move.untilMs);
    case "settleDelegation":
      return settleDelegation(session, move.act, move.child);
    case "settleWorker":
      return settleWorker(session, move.act, move.end);
    case "takeUp":
      return takeUp(session, move.messages);
    case "think":
      return think(session, move.thought);
    case "plan":
      return plan(session, move);
    case "ask":
      return ask(session, move);
    case "finish":
    case "fail":
      return finish(session, move);
  }
}
