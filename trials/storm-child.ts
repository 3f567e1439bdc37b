import { openDatabase } from "#src/database/open.ts";
import { createNotifier } from "#src/database/notify.ts";
import { startSealer } from "#src/journal/sealer.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { usualChores } from "#src/pulse/chores.ts";
import { startPulse } from "#src/pulse/pulse.ts";
import { startFleet } from "#src/runs/fleet.ts";
import { effectSurface, effectTools } from "./harness/effect-ports.ts";
import { endBy, listen, say } from "./harness/in-child.ts";
import { scriptedByText } from "./harness/script.ts";
import type { StormSettings } from "./harness/storm.ts";
import { fileLog, trialEngine } from "./harness/trial-engine.ts";

/*
 * One engine process over a database that others may use at the same time: fleet, pulse, sealer and notifier as in a server, a model that goes by the text of
 * its run, and tools whose effects happen in the process of the trial. It can be killed, stopped and started at any time.
 */

const settings = JSON.parse(process.argv[2]!) as StormSettings;
const { name, url, folder } = settings;
const log = fileLog(folder, name);
const database = openDatabase({
  url,
  poolSize: settings.poolSize,
  prepare: true,
  transactionTimeoutMs: 30_000,
  onIdleError: (error) => log.warn("an idle database connection broke", { error }),
});
const { db } = database;
const clock = { nowMs: () => systemClock.nowMs() + settings.clockAheadMs };
const reach = { socketPath: settings.socketPath, by: name, toolMs: settings.toolMs };
const model = scriptedByText({ thinkMs: settings.thinkMs, isDeaf: settings.isDeaf, folder });
const engine = await trialEngine({
  db,
  folder,
  name,
  clock,
  model,
  tools: effectTools(reach),
  surfaces: [effectSurface(reach, "outbox")],
  maxTries: settings.maxTries,
});
const notifier = createNotifier({ db, url, log });
const sealer = startSealer({ db, signer: engine.signer, log, hint: (wake) => notifier.onChange(wake, "record") });
const pulse = settings.pulses
  ? startPulse({ db, url, clock, log, changed: notifier.changed, chores: usualChores({ db, clock, workspaces: engine.workspaces, tiers: engine.tiers }) })
  : undefined;
if (pulse) notifier.onChange(pulse.hint);

let closing: (() => Promise<void>) | undefined;
/** The fleet starts when the trial says so: what a process costs to start is then no part of what is measured. */
function begin(): void {
  if (closing !== undefined) return;
  const { slots, leaseMs, graceMs } = settings;
  const fleet = startFleet(engine, { holder: name, slots, leaseMs, pollMs: settings.pollMs, graceMs, changed: notifier.changed, mayClaim: () => true });
  const forget = notifier.onChange(fleet.hint);
  closing = async () => {
    forget();
    await fleet.stop();
  };
  say("begun");
}

const end = endBy(async () => {
  await closing?.();
  await pulse?.stop();
  await sealer.stop();
  await notifier.close();
  await database.close();
});
listen(({ tell }) => (tell === "begin" ? begin() : undefined), end);
if (settings.begins) begin();
say("ready");
