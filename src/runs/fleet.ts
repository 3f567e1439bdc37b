import { setTimeout as sleep } from "node:timers/promises";
import type { Change } from "#src/database/notify.ts";
import { isConnectionLoss } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "#src/leases/lease.ts";
import { claim, claimBounded, isSuspect } from "#src/leases/store/claim.ts";
import { abandon } from "#src/leases/store/park.ts";
import { renew } from "#src/leases/store/renew.ts";
import type { Engine } from "./engine.ts";
import type { RunEnd } from "./run.ts";
import { type Claimed, type Reconciled, readClaimed, reconcile, reconcileClaimed, type Until } from "./reconcile.ts";
import { createSeats, type Seat } from "./seats.ts";
import { LeaseLost } from "./store/hold.ts";
import type { RunWatch } from "./watch.ts";

export interface FleetOptions {
  /** Names this process among all holders; a new one each time a process starts. */
  readonly holder: string;
  /** Runs moving at once. */
  readonly slots: number;
  readonly leaseMs: number;
  /** How often to look for due runs when nobody says that there are some. */
  readonly pollMs: number;
  /** How long a stop lets acts that are being performed come to their end. */
  readonly graceMs: number;
  /** Something was recorded that others may wait for; `record`: that nobody has to act on. */
  readonly changed: (what: Change) => void;
  /** Told of the runs that end here, and of those that are moved here no longer. */
  readonly watch?: Pick<RunWatch, "ended" | "released">;
  /** False while no new work is to be taken: the disk is full, say. */
  readonly mayClaim: () => boolean;
}

export interface Fleet {
  /** Some run may be due: look now. */
  hint(): void;
  /** A place for a run that is about to be made: it can be made held, and needs no claim. Undefined: none is free, or no new work is taken. */
  seat(): Seat | undefined;
  /** Takes no more runs, hands back those it holds after the move they are in (at most the grace time), and resolves when nothing moves, or what moves does not listen. */
  stop(): Promise<void>;
  readonly moving: () => number;
}

interface Held {
  /** When the lease was last known to be ours, by a clock that goes on while the process stands still. */
  renewedMs: number;
  readonly lease: Lease;
  readonly abort: AbortController;
  done: Promise<void>;
}

interface Room {
  /** Places that nobody has. */
  readonly free: () => number;
  /** How many runs more that may be what ends processes: one at a time, so that it takes none but itself along a third time. */
  readonly suspects: () => number;
  /** False when no new work is to be taken. */
  readonly mayTake: () => boolean;
  readonly take: (taken: Taken, heldSinceMs: number) => void;
}

/** A claimed run; without what it starts from where that could not be read together with its mates. */
type Taken = (Claimed & { readonly isNew?: boolean }) | { readonly lease: Lease };

/** How long an act that was aborted may take to notice. */
const DEAF_MS = 1_000;

/** One fetcher, N slots, one renewer. A slow run holds one slot and nobody else. */
export function startFleet(engine: Engine, options: FleetOptions): Fleet {
  const held = new Map<RunId, Held>();
  const [stopping, ended] = [new AbortController(), new AbortController()]; // no more runs; no more renewals either
  let wakeUp = Promise.withResolvers<void>();
  const hint = (): void => wakeUp.resolve();
  let isShort = false; // runs may be due that found no place
  const take = (taken: Taken, claimedMs: number): void => {
    const seat: Held = { lease: taken.lease, abort: new AbortController(), renewedMs: claimedMs, done: Promise.resolve() };
    const { runId } = seat.lease;
    const isFresh = (): boolean => performance.now() - seat.renewedMs < options.leaseMs;
    const until = { abort: seat.abort.signal, isFresh, stopping: () => stopping.signal.aborted, onEnd: (end: RunEnd) => options.watch?.ended(end) };
    seat.done = move(engine, taken, until).then(({ quiet }) => {
      if (held.get(runId) === seat) held.delete(runId);
      options.watch?.released(runId);
      if (isShort || !quiet) hint();
      options.changed(quiet ? "record" : "work");
    });
    held.set(runId, seat);
  };
  const mayTake = (): boolean => !stopping.signal.aborted && options.mayClaim();
  const seats = createSeats(options, { free: () => options.slots - held.size, mayTake, take, left: () => isShort && hint() });
  const fetching = (async () => {
    while (!stopping.signal.aborted) {
      wakeUp = Promise.withResolvers<void>();
      const { short, goOn } = await fetchSome(engine, options, { free: seats.free, suspects: () => suspectsBeside(held), mayTake, take });
      isShort = short;
      if (goOn) continue;
      await Promise.race([wakeUp.promise, pause(options.pollMs, stopping.signal)]);
    }
  })();
  const renewing = (async () => {
    while (!ended.signal.aborted) {
      await pause(options.leaseMs / 3.3, ended.signal);
      if (!ended.signal.aborted) await renewHeld(engine, held, options.leaseMs);
    }
  })();
  return {
    hint,
    seat: seats.seat,
    moving: () => held.size,
    async stop() {
      stopping.abort();
      hint();
      await fetching;
      await letFinish(engine, held, options.graceMs);
      ended.abort();
      await renewing;
    },
  };
}

const suspectsBeside = (held: ReadonlyMap<RunId, Held>): number => ([...held.values()].some(({ lease }) => isSuspect(lease)) ? 0 : 1);

/** The grace time, then what still moves is aborted, and what does not hear that is left. */
async function letFinish(engine: Engine, held: ReadonlyMap<RunId, Held>, graceMs: number): Promise<void> {
  const allDone = Promise.all([...held.values()].map((run) => run.done));
  await Promise.race([allDone, sleep(graceMs, undefined, { ref: false })]);
  for (const run of held.values()) run.abort.abort();
  await Promise.race([allDone, sleep(DEAF_MS, undefined, { ref: false })]);
  if (held.size > 0) engine.log.warn("acts that do not hear the stop are left behind; their leases run out", { runs: [...held.keys()] });
}

/** Claims as many as there are places. `short`: others may be due that found none. `goOn`: there was one for each place, so look again. */
async function fetchSome(
  engine: Engine,
  options: FleetOptions,
  { free, suspects, mayTake, take }: Room,
): Promise<{ readonly short: boolean; readonly goOn: boolean }> {
  const places = free();
  const claimedMs = performance.now();
  const claimed = places > 0 && mayTake() ? await readTogether(engine, await claimSome(engine, options, { limit: places, suspects: suspects() })) : [];
  const stillFree = Math.max(free(), 0); // runs that were made meanwhile may have some of them
  for (const taken of claimed.slice(0, stillFree)) take(taken, claimedMs);
  await Promise.all(claimed.slice(stillFree).map(({ lease }) => letGo(engine, lease)));
  return { short: places <= 0 || claimed.length === places || claimed.length > stillFree, goOn: claimed.length > 0 && claimed.length === places };
}

async function claimSome(engine: Engine, { holder, leaseMs }: FleetOptions, most: { readonly limit: number; readonly suspects: number }): Promise<Lease[]> {
  try {
    const leases = await claim(engine.db, { ...most, holder, leaseMs });
    if (leases.length > 0) return leases;
    const bounded = await claimBounded(engine.db, { suspects: most.suspects, holder, leaseMs });
    return bounded ? [bounded] : [];
  } catch (error) {
    engine.log.warn("no runs could be claimed", { error });
    return [];
  }
}

/** Where it fails, each run is read by itself, and whatever is wrong befalls only the one that it is wrong with. */
async function readTogether(engine: Engine, leases: readonly Lease[]): Promise<Taken[]> {
  if (leases.length === 0) return [];
  try {
    return await readClaimed(engine, leases);
  } catch (error) {
    engine.log.debug("claimed runs could not be read together", { error });
    return leases.map((lease) => ({ lease }));
  }
}

async function renewHeld(engine: Engine, held: ReadonlyMap<RunId, Held>, leaseMs: number): Promise<void> {
  const runs = [...held.values()];
  if (runs.length === 0) return;
  const renewedMs = performance.now();
  try {
    const kept = await renew(
      engine.db,
      runs.map((run) => run.lease),
      leaseMs,
    );
    for (const run of runs) {
      if (kept.has(run.lease.runId)) run.renewedMs = renewedMs;
      else run.abort.abort();
    }
  } catch (error) {
    engine.log.warn("leases could not be renewed; they run out unless the database comes back", { error });
  }
}

const PAUSE_AFTER_BUG_MS = 1_000;
const PAUSE_AFTER_LOSS_MS = 500;

/** One claim of one run. This is one of the three places where bugs are caught. */
async function move(engine: Engine, taken: Taken, until: Until): Promise<Reconciled> {
  const { lease } = taken;
  try {
    if ("isNew" in taken) await engine.tools.follow(taken.current); // nobody read it, so nobody has looked
    return await ("state" in taken ? reconcileClaimed(engine, taken, until) : reconcile(engine, lease, until));
  } catch (error) {
    await handBack(engine, lease, error).catch((lost: unknown) =>
      engine.log.warn("a run could not be handed back; its lease runs out", { run: lease.runId, error: lost }),
    );
    return { quiet: false };
  }
}

/** A claimed run that found no place any more: as if it had not been claimed. */
async function letGo(engine: Engine, lease: Lease): Promise<void> {
  await abandon(engine.db, lease, { pauseMs: 0, counts: false }).catch((error: unknown) =>
    engine.log.warn("a run could not be handed back; its lease runs out", { run: lease.runId, error }),
  );
}

async function handBack(engine: Engine, lease: Lease, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) {
    engine.log.debug("a lease was lost", { run: lease.runId, error: error.message });
    await abandon(engine.db, lease, { pauseMs: 0, counts: false });
    return;
  }
  const lostDatabase = isConnectionLoss(error);
  engine.log[lostDatabase ? "warn" : "error"](lostDatabase ? "the database went away under a run" : "something broke while a run was moved", {
    run: lease.runId,
    tries: lease.tries,
    error,
  });
  await abandon(engine.db, lease, { pauseMs: lostDatabase ? PAUSE_AFTER_LOSS_MS : PAUSE_AFTER_BUG_MS * 2 ** Math.min(lease.tries, 6), counts: !lostDatabase });
}

/** Sleeps, but no longer than until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await sleep(ms, undefined, { signal, ref: true }).catch(() => undefined);
}
