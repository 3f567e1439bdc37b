import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Engine } from "../engine.ts";
import { claimCopies, dueSurfaces, retryUnconnected } from "../store/copies.ts";
import { FULL_ROUND, planDueCopies } from "./plan.ts";
import { type Claimed, LEASE_MS, sendCopy } from "./send.ts";

export interface DeliverParts extends Pick<Engine, "db" | "clock" | "log" | "workspaces"> {
  readonly surfaces: ReadonlyMap<string, MessagePort>;
  /** Scheme, host and port under which people reach this server. Without it copies have no link. */
  readonly publicUrl: string | undefined;
}

/** Copies that one surface is given at once: one that hangs holds its own seats and nobody else's. */
const SEATS = 4;
/** Rounds of planning in a row before something is sent. */
const MOST_ROUNDS = 20;
/** Between two looks, however many hints come; less while each look finds something to send. */
const BREATH_MS = 50;
const BUSY_BREATH_MS = 10;

/** Plans what is missing and takes what is due on each surface that has a free seat. Nothing is sent before the caller does. */
async function takeDue(parts: DeliverParts, freeSeats: (surface: string) => number): Promise<Claimed[]> {
  for (let round = 0; round < MOST_ROUNDS && (await planDueCopies(parts)) >= FULL_ROUND; round += 1);
  const open = [...parts.surfaces.keys()].filter((surface) => freeSeats(surface) > 0);
  const taken: Claimed[] = [];
  for (const surface of await dueSurfaces(parts.db, open)) {
    const claimedMs = performance.now();
    for (const copy of await claimCopies(parts.db, { surface, limit: freeSeats(surface), leaseMs: LEASE_MS })) taken.push({ copy, claimedMs });
    failpoint("deliver.claimed");
  }
  return taken;
}

/** Sends and edits everything that is due now, and gives how many copies were tried. For tests and tools; a server runs {@link startDeliverer}. */
export async function deliverDue(parts: DeliverParts): Promise<number> {
  for (let tried = 0; ;) {
    const taken = await takeDue(parts, () => SEATS);
    if (taken.length === 0) return tried;
    await Promise.all(taken.map((claimed) => sendCopy(parts, claimed)));
    tried += taken.length;
  }
}

export interface DelivererOptions {
  /** How often to look when nobody says that there is something to send. */
  readonly pollMs: number;
  /** How long a stop lets what is being sent come to its end. */
  readonly graceMs: number;
  /** Something was recorded that others may wait for. */
  readonly changed: () => void;
  /** False while no new work is to be taken. */
  readonly mayClaim: () => boolean;
}

export interface Deliverer {
  /** An ask may have been opened or settled: look now. */
  hint(): void;
  /** Takes no more, and resolves when what is being sent is recorded or the grace time is over; the rest is found again by whoever takes it next. */
  stop(): Promise<void>;
}

/** Sends one copy of each open ask to each person who may answer it, and edits the copies when it settles. Any number of processes may do this at once. */
export function startDeliverer(parts: DeliverParts, options: DelivererOptions): Deliverer {
  const stopping = new AbortController();
  const sending = new Map<Claimed, Promise<void>>();
  let wakeUp = Promise.withResolvers<void>();
  let isFirstLook = true;
  const hint = (): void => wakeUp.resolve();
  const freeSeats = (surface: string): number => SEATS - [...sending.keys()].filter(({ copy }) => copy.surface === surface).length;
  const look = async (): Promise<number> => {
    if (!options.mayClaim()) return 0;
    if (isFirstLook) await retryUnconnected(parts.db, [...parts.surfaces.keys()]);
    isFirstLook = false;
    const taken = await takeDue(parts, freeSeats);
    for (const claimed of taken) {
      const done = sendCopy(parts, claimed).finally(() => {
        sending.delete(claimed);
        hint();
        options.changed();
      });
      sending.set(claimed, done);
    }
    return taken.length;
  };
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      wakeUp = Promise.withResolvers<void>();
      const taken = await look().catch((error: unknown) => {
        parts.log.warn("copies of asks could not be looked for; the next look tries again", { error });
        return 0;
      });
      await pause(taken > 0 ? BUSY_BREATH_MS : BREATH_MS, stopping.signal);
      await Promise.race([wakeUp.promise, pause(options.pollMs, stopping.signal)]);
    }
  })();
  return {
    hint,
    async stop() {
      stopping.abort();
      hint();
      await looking;
      await Promise.race([Promise.all(sending.values()), sleep(options.graceMs, undefined, { ref: false })]);
    },
  };
}

/** Sleeps, but no longer than until the signal. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
