import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import type { Db } from "#src/database/open.ts";
import { createRedactor, type Redactor } from "#src/kernel/redaction.ts";
import { testDatabase } from "./database.ts";
import { heldClock, type HeldClock } from "./held-clock.ts";
import { silentLog } from "./silent-log.ts";
import { filesOf, writeFiles } from "./workspace-files.ts";
import { createWorkspaceView, type WorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { type Reading, readings } from "#src/pulse/store/sensor-readings.ts";
import { type HostProxy, startHostProxy } from "#src/connections/host-proxy.ts";
import { createPrograms } from "#src/pulse/sensors/programs.ts";
import { createSensors, type SensorParts, type Sensors } from "#src/pulse/sensors/sensors.ts";

const HEAD = "apiVersion: loopwright.dev/v1\nkind: Workspace\nname: home\n";

export interface SensorWorld {
  readonly db: Db;
  readonly clock: HeldClock;
  /** The folder of the workspace. */
  readonly folder: string;
  readonly home: string;
  readonly redactor: Redactor;
  readonly workspaces: WorkspaceView;
  readonly sensors: Sensors;
  /** How often a signal moved. */
  moves(): number;
  /** Puts sensors, by the names of their files, in force and into the folder. */
  apply(programs: Readonly<Record<string, string>>, settings?: string): Promise<void>;
  /** One beat; all that it started has ended when it gives what is on record. */
  beat(): Promise<Record<string, Reading>>;
  /** Another process of the same home. */
  another(more?: Partial<SensorParts>): Sensors;
}

export const hostSandbox = (hidden: readonly string[] = []): SandboxPort =>
  createBwrapSandbox({
    searchPath: process.env["PATH"] ?? "",
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osHome: homedir(),
    hidden,
  });

/** Sensors in the real sandbox over a database of their own. */
export async function sensorWorld(t: TestContext, more: Partial<SensorParts> = {}): Promise<SensorWorld> {
  const { db } = await testDatabase(t);
  const { home, folder } = await folders(t);
  const clock = heldClock();
  const redactor = createRedactor();
  const workspaces = createWorkspaceView(db);
  const sandbox = hostSandbox([home]);
  let moves = 0;
  let proxy: Promise<HostProxy> | undefined;
  const wayTo = async (hosts: readonly string[]) => (await (proxy ??= startHostProxy({ folder: home }))).admit(hosts);
  t.after(async () => (await proxy)?.close());
  const another = (other: Partial<SensorParts> = {}): Sensors => {
    const programs = createPrograms({ db, workspaces, folder: join(home, "sensors") });
    const secret = (): Promise<string> => Promise.reject(new Error("no secret in this test"));
    const changed = () => void (moves += 1);
    const bounds = { timeoutMs: 60_000, maxBytes: 8_192 };
    const own = { bounds, db, clock, log: silentLog, redactor, workspaces, programs, changed, folder, secret, wayTo, sandbox: () => Promise.resolve(sandbox) };
    const sensors = createSensors({ ...own, ...more, ...other });
    t.after(() => sensors.rest());
    return sensors;
  };
  const sensors = another();
  return {
    db,
    clock,
    folder,
    home,
    redactor,
    workspaces,
    sensors,
    another,
    moves: () => moves,
    async apply(programs, settings = "") {
      const files = filesOf({
        "loop.yaml": HEAD + settings,
        ...Object.fromEntries(Object.entries(programs).map(([name, text]) => [`sensors/${name}`, text])),
      });
      const applied = await applyFiles(db, clock, { files, author: "system", note: "test" });
      if (applied.kind === "problems") throw new Error(JSON.stringify(applied.problems));
      await writeFiles(folder, files);
    },
    async beat() {
      await sensors.beat();
      await sensors.settled();
      return Object.fromEntries((await readings(db)).map((reading) => [reading.sensor, reading]));
    },
  };
}

async function folders(t: TestContext): Promise<{ readonly home: string; readonly folder: string }> {
  const home = await realpath(await mkdtemp(join(tmpdir(), "loopwright-sensors-")));
  t.after(() => rm(home, { recursive: true, force: true }));
  const folder = join(home, "workspace");
  await mkdir(folder);
  return { home, folder };
}
