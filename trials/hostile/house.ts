import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { createNotifier } from "#src/database/notify.ts";
import type { Db } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { ownTools, toolsOf } from "#src/main-tools.ts";
import { startPulse } from "#src/pulse/pulse.ts";
import type { Engine } from "#src/runs/engine.ts";
import { startFleet } from "#src/runs/fleet.ts";
import { createSecrets } from "#src/secrets/secrets.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { putInForce, trialEngine } from "../harness/trial-engine.ts";
import { until } from "../harness/wait.ts";
import type { World } from "../harness/world.ts";
import { SECRET } from "./attacks.ts";
import { obedientModel } from "./obedient-model.ts";

const LEASE_MS = 20_000;
/** Long enough for a fleet on a loaded machine; each case has a limit of its own besides. */
const REST_MS = 120_000;

export interface House {
  readonly db: Db;
  readonly engine: Engine;
  /** Something was recorded that a run may wait for. */
  hint(): void;
  /** Nothing moves any more: every run has ended, or waits for somebody. */
  rests(): Promise<boolean>;
}

/**
 * The engine as a server has it, over the real shelf of tools and their servers, with the obedient model in the place of a provider. Without `knowsSecrets` it was never
 * told the values that must not leave.
 */
export async function openHouse(world: World, files: FileSet, { knowsSecrets }: { readonly knowsSecrets: boolean }): Promise<House> {
  const { db, url } = await world.database({ poolSize: 12 });
  await putInForce(db, files);
  const redactor = createRedactor();
  if (knowsSecrets) redactor.learn(SECRET);
  const workspaces = createWorkspaceView(db);
  const [log, clock, env] = [silentLog, systemClock, { GITHUB_TOKEN: "a-token-of-this-trial", PATH: process.env["PATH"] }];
  const keyFile = join(world.folder, "home", "no-secrets.key");
  const noCommands = () => Promise.reject(new Error("no secret of this trial comes from a command"));
  const secrets = createSecrets({ env, redactor: createRedactor(), clock, runCommand: noCommands, keyFile });
  const settings = { secretsKeyFile: keyFile } as Parameters<typeof toolsOf>[0]["settings"];
  const workspaceFolder = join(world.folder, "workspace");
  await mkdir(workspaceFolder, { recursive: true });
  const home = { folder: join(world.folder, "home") };
  const sandbox = createSandboxOff();
  const shelf = toolsOf(
    { settings, env, home, version: "0", record: { db }, log, clock, secrets, redactor, workspaces, workspaceFolder },
    { sandbox: () => Promise.resolve(sandbox), builtIn: ownTools({ db, clock, workspaces, embedder: undefined }) },
  );
  world.after(() => shelf.close());
  const engine = await trialEngine({ db, folder: world.folder, name: "house", model: obedientModel(), shelf, redactor });
  await shelfStands(engine);
  return atWork(world, engine, url);
}

/** Lets runs of this engine move, as a server does. */
export function atWork(world: World, engine: Engine, url: string): House {
  const { db, clock } = engine;
  const notifier = createNotifier({ db, url, log: silentLog });
  world.after(notifier.close);
  const place = { holder: "house", slots: 24, leaseMs: LEASE_MS, pollMs: 200, graceMs: 2_000, changed: notifier.changed, mayClaim: () => true };
  const fleet = startFleet(engine, place);
  notifier.onChange(fleet.hint);
  world.after(fleet.stop);
  const pulse = startPulse({ db, url, clock, log: silentLog, changed: notifier.changed, chores: [] });
  world.after(pulse.stop);
  const rests = () => until(() => noneMoves(db), { limitMs: REST_MS, everyMs: 50 });
  return { db, engine, hint: fleet.hint, rests };
}

/** Tools of servers are there once the servers were asked. */
async function shelfStands({ tools, workspaces }: Engine): Promise<void> {
  const current = await workspaces.current();
  const stand = async (): Promise<boolean> => {
    await tools.follow(current);
    await tools.refresh();
    return tools.states().every(({ name, why }) => !name.endsWith(".*") || why === null);
  };
  if (!(await until(stand, { limitMs: 30_000, everyMs: 100 })))
    throw new Error(`tool servers are off: ${JSON.stringify(tools.states().filter(({ why }) => why !== null))}`);
}

async function noneMoves(db: Db): Promise<boolean> {
  const { rows } = await sql<{ moving: number }>`
    select count(*)::int as moving from runs where ended_at is null and (due is not null or holder is not null)`.execute(db);
  return rows[0]!.moving === 0;
}
