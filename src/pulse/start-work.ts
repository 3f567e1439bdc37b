import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { TelemetryPort } from "#src/acts/ports/telemetry-port.ts";
import { embedMissing } from "#src/brain/embed-missing.ts";
import type { BrainEmbedder } from "#src/brain/embedder.ts";
import type { Notifier } from "#src/database/notify.ts";
import type { Queue } from "#src/database/queue.ts";
import { startSealer } from "#src/journal/sealer.ts";
import { learnFrom } from "#src/learning/learn.ts";
import type { Engine } from "#src/runs/engine.ts";
import { startDeliverer } from "#src/runs/deliver/deliverer.ts";
import { type Fleet, startFleet } from "#src/runs/fleet.ts";
import { createRunWatch, type RunWatch } from "#src/runs/watch.ts";
import type { Settings } from "#src/settings/schema.ts";
import { createJudge } from "./judge/judge.ts";
import type { Sensors } from "./sensors/sensors.ts";
import { startTelemetry } from "./telemetry.ts";
import { usualChores } from "./chores.ts";
import { type Chore, startPulse } from "./pulse.ts";
import { createTriggers, type Firing } from "./triggers.ts";

const POLL_MS = 1_000;
/** Whoever opens or settles an ask says so at once; this is for tries that come due, and for a word that was lost. */
const DELIVER_POLL_MS = 5_000;
const GRACE_MS = 8_000;
const CHORE_MS = 50_000;

export interface WorkParts {
  readonly engine: Engine;
  readonly settings: Pick<Settings, "roles" | "slots" | "leaseMs" | "publicUrl">;
  /** Of the database, without a pooler: the pulse holds a lock on it. */
  readonly url: string;
  readonly notifier: Notifier;
  readonly queue: Queue;
  readonly embedder: BrainEmbedder | undefined;
  /** Where what happens is sent; undefined: nowhere. */
  readonly telemetry?: { readonly port: TelemetryPort; readonly content: boolean } | undefined;
  /** False while the disk is full. */
  readonly mayClaim: () => boolean;
  /** What looks at the world; left out: nothing does. */
  readonly sensors?: (changed: () => void) => Sensors;
}

export interface Work {
  /** In the order in which they started. */
  readonly stops: (() => Promise<void> | void)[];
  /** A place for a run that is about to be made, where runs move in this process. */
  readonly seat: Fleet["seat"];
  /** Says when runs rest, those of this process as soon as they do. */
  readonly watch: RunWatch;
}

/** Starts the sealer, the fleet with its deliverer, and the pulse: whichever the roles of this process ask for. Gives how to stop them. */
export async function startWork(parts: WorkParts): Promise<Work> {
  const { engine, settings, notifier } = parts;
  const { db, log, signer } = engine;
  const sealer = startSealer({ db, signer, log, hint: (wake) => notifier.onChange(wake, "record") });
  const watch = createRunWatch({ db, onChange: (look) => notifier.onChange(look, "record") });
  const moving = settings.roles.includes("engine") ? await startEngine({ ...parts, watch }) : { stops: [], seat: () => undefined };
  const pulse = settings.roles.includes("pulse") ? await startBeating(parts) : [];
  return { stops: [sealer.stop, ...moving.stops, ...pulse], seat: moving.seat, watch };
}

async function startEngine({ engine, settings, notifier, queue, mayClaim, watch }: WorkParts & Pick<Work, "watch">): Promise<Omit<Work, "watch">> {
  const fleet = startFleet(engine, {
    holder: `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`,
    slots: settings.slots,
    leaseMs: settings.leaseMs,
    pollMs: POLL_MS,
    graceMs: GRACE_MS,
    mayClaim,
    changed: notifier.changed,
    watch,
  });
  await queue.work<{ runId: string }>("learn", async ({ data }) => void (await learnFrom(engine, data.runId)), { concurrency: 1 });
  const deliverer = startDeliverer(
    { ...engine, publicUrl: settings.publicUrl },
    { pollMs: DELIVER_POLL_MS, graceMs: GRACE_MS, changed: notifier.changed, mayClaim },
  );
  const stops = [() => engine.live.stop(), fleet.stop, notifier.onChange(fleet.hint), deliverer.stop, notifier.onChange(deliverer.hint)];
  return { stops, seat: fleet.seat };
}

async function startBeating({ engine, url, notifier, embedder, queue, mayClaim, telemetry, sensors }: WorkParts): Promise<(() => Promise<void> | void)[]> {
  const { db, clock, log, workspaces } = engine;
  const triggers = createTriggers({ engine, queue, mayTake: mayClaim, changed: notifier.changed });
  await queue.work<Firing>("trigger", triggers.fire, { concurrency: 1 });
  const embedding: Chore[] = embedder
    ? [{ name: "embed what is new", run: async () => void (await embedMissing(db, embedder, AbortSignal.timeout(CHORE_MS))) }]
    : [];
  const pulse = startPulse({
    db,
    url,
    clock,
    log,
    changed: notifier.changed,
    chores: [...usualChores({ db, clock, workspaces, tiers: engine.tiers }), { name: "look at the schedules of triggers", run: triggers.look }, ...embedding],
    judge: createJudge({ engine, changed: notifier.changed }),
    ...(sensors ? { sensors: sensors(notifier.changed) } : {}),
  });
  const exporting = telemetry ? [startTelemetry({ db, url, log, ...telemetry }).stop] : [];
  return [pulse.stop, notifier.onChange(pulse.hint), ...exporting];
}
