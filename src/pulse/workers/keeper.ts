import { isAlive, type WorkerEnd } from "#src/acts/perform-worker.ts";
import type { WorkerPort, WorkerStatus } from "#src/acts/ports/worker-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Log } from "#src/kernel/log.ts";
import { plain } from "#src/kernel/plain.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import { wake } from "#src/leases/store/wake.ts";
import { keepEnd, keepLastOutput, type WorkerAct, workerActs } from "../store/worker-acts.ts";

export interface KeeperDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly port: WorkerPort;
  /** This machine and home, as the acts of its workers say it. */
  readonly host: string;
  /** Knows the values that must not go into the record. */
  readonly redactor: Pick<Redactor, "redact">;
  /** Says that a run may have become due. */
  readonly changed: () => void;
}

export interface Keeper {
  /** Looks at all workers of this host once: what it sees is on record when it returns. @throws LoopError worker_unavailable */
  look(): Promise<void>;
  /** Ends the looking; the workers go on. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;
const OUTPUT_EVERY_MS = 10_000;
const GRACE_MS = 5_000;
const LAST_BYTES = 4_096;
const LAST_LINES = 20;
/** As long as ended workers are listed. */
const KEPT_MS = 72 * 3_600_000;

/**
 * Brings what becomes of the workers of this host into the record: when each last printed, and how it ended, which wakes its run. What ended while nobody looked is
 * found when it begins. A worker that nothing waits for any more, or that somebody wants ended, is ended.
 */
export function keepWorkers(deps: KeeperDeps): Keeper {
  const settled = new Set<string>();
  let looking: Promise<void> | undefined;
  let isAsked = false;
  let stopped = false;
  let each: NodeJS.Timeout | undefined;

  const lookOnce = async (): Promise<void> => {
    const statuses = await deps.port.list();
    const isBusy = await lookAtAll(deps, statuses, settled);
    if (isBusy && !stopped) each ??= setInterval(hurry, LOOK_EVERY_MS);
    if (isBusy) return;
    clearInterval(each);
    each = undefined;
  };
  const lookUntilNobodyAsks = async (): Promise<void> => {
    try {
      while (isAsked && !stopped) {
        isAsked = false;
        await lookOnce();
      }
    } finally {
      looking = undefined;
    }
  };
  const look = (): Promise<void> => {
    isAsked = true;
    return (looking ??= lookUntilNobodyAsks());
  };
  const hurry = (): void => {
    each ??= setInterval(hurry, LOOK_EVERY_MS); // also while it cannot be said who lives
    look().catch((error: unknown) => deps.log.warn("the workers of this host could not be looked at", { error }));
  };

  const unwatch = deps.port.watch(hurry);
  hurry();
  return {
    look,
    async stop() {
      stopped = true;
      unwatch();
      await looking?.catch(() => undefined);
      clearInterval(each);
    },
  };
}

/** `settled`: those of whom there is nothing more to learn. True while there are others. */
async function lookAtAll(deps: KeeperDeps, statuses: readonly WorkerStatus[], settled: Set<string>): Promise<boolean> {
  const acts = await workerActs(deps.db, { keys: statuses.map(({ key }) => key), host: deps.host });
  const byKey = new Map(statuses.map((status) => [status.key, status]));
  const keys = new Set([...byKey.keys(), ...acts.keys()]);
  for (const key of keys) {
    if (!settled.has(key) && (await lookAt(deps, { key, status: byKey.get(key), act: acts.get(key) }))) settled.add(key);
  }
  for (const key of settled) if (!keys.has(key)) settled.delete(key);
  for (const status of statuses) if (settled.has(status.key)) await forgetOld(deps, status);
  return [...keys].some((key) => !settled.has(key));
}

interface Seen {
  readonly key: string;
  readonly status: WorkerStatus | undefined;
  readonly act: WorkerAct | undefined;
}

/** True when there is nothing more to learn of this worker. */
async function lookAt(deps: KeeperDeps, { key, status, act }: Seen): Promise<boolean> {
  if (!act) return status !== undefined && !isAlive(status); // of another record
  if (status && isAlive(status)) {
    if (act.isOver || act.wait?.stop) await endIt(deps, key);
    else if (act.isWaiting && status.lastOutputAtMs - act.wait!.lastOutputAtMs >= OUTPUT_EVERY_MS)
      await keepLastOutput(deps.db, act.actId, status.lastOutputAtMs);
    return false;
  }
  if (act.isOver) return true;
  if (!act.isWaiting) return false; // its start is being written
  if (!act.wait!.ended) await recordEnd(deps, { key, act, end: await endOf(deps, key, status) });
  return true;
}

/** How it ended is seen by the look that follows. */
async function endIt({ port, log }: KeeperDeps, key: string): Promise<void> {
  try {
    await port.stop(key, GRACE_MS);
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    log.warn("a worker that nobody wants could not be ended; it is tried again", { key, error });
  }
}

/** Whoever is not known here any more is lost. */
async function endOf(deps: KeeperDeps, key: string, status: WorkerStatus | undefined): Promise<WorkerEnd> {
  const { state = "lost", exitCode = null, signal = null, endedAtMs } = status ?? {};
  const ended = state === "exited" || state === "killed" ? state : "lost";
  return { state: ended, exitCode, signal, endedAtMs: endedAtMs ?? deps.clock.nowMs(), lastLines: status ? await lastLinesOf(deps, key) : "" };
}

async function lastLinesOf({ port, redactor, log }: KeeperDeps, key: string): Promise<string> {
  const text = await port.log(key, LAST_BYTES).catch((error: unknown) => {
    if (!(error instanceof LoopError)) throw error;
    log.warn("what an ended worker printed cannot be read", { key, error });
    return "";
  });
  const lines = plain(redactor.redact(text)).split("\n");
  return lines
    .filter((line) => line.trim() !== "")
    .slice(-LAST_LINES)
    .join("\n");
}

async function recordEnd(
  { db, clock, changed }: KeeperDeps,
  { key, act, end }: { readonly key: string; readonly act: WorkerAct; readonly end: WorkerEnd },
): Promise<void> {
  await inTransaction(db, async (tx) => {
    await wake(tx, [act.runId]); // a run before its acts, everywhere
    failpoint("worker.end_woken");
    if (!(await keepEnd(tx, act.actId, end))) return;
    failpoint("worker.end_kept");
    const { lastLines: _lines, ...how } = end;
    const about = { runId: act.runId, ...(act.ticketId ? { ticketId: act.ticketId } : {}) };
    await append(tx, clock, [{ kind: "worker.ended", actor: "system", ...about, payload: { act: act.actId, key, ...how } }]);
  });
  failpoint("worker.end_committed");
  changed();
}

async function forgetOld({ port, clock, log }: KeeperDeps, { key, endedAtMs }: WorkerStatus): Promise<void> {
  if (endedAtMs === null || clock.nowMs() - endedAtMs < KEPT_MS) return;
  await port.forget(key).catch((error: unknown) => log.warn("what is left of an ended worker could not be removed", { key, error }));
}
