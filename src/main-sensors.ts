import { dirname, join } from "node:path";
import type { SensorLook } from "#src/acts/perform-check.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { Home } from "#src/database/home.ts";
import { createPrograms } from "#src/pulse/sensors/programs.ts";
import { runSensor } from "#src/pulse/sensors/run-sensor.ts";
import { createSensors, type Sensors } from "#src/pulse/sensors/sensors.ts";
import { type HostProxy, startHostProxy } from "#src/connections/host-proxy.ts";
import { sandboxOf, type ToolWorld } from "#src/main-tools.ts";

/** What the sensors of a process are made of. */
export interface Sensing {
  readonly sandbox: () => Promise<SandboxPort>;
  /** Once, for a check. */
  runSensor(name: string, signal: AbortSignal): Promise<SensorLook | undefined>;
  /** For the pulse. */
  sensors(changed: () => void): Sensors;
  close(): Promise<void>;
}

export function sensingOf(world: ToolWorld & { readonly home: Pick<Home, "folder" | "socket"> }): Sensing {
  const { record, log, clock, redactor, workspaces, workspaceFolder: folder, secrets, home } = world;
  const programs = createPrograms({ db: record.db, workspaces, folder: join(home.folder, "sensors") });
  const sandbox = sandboxOf(world);
  let proxy: Promise<HostProxy> | undefined; // only where a sensor has hosts to reach
  const wayTo = async (hosts: readonly string[]) => (await (proxy ??= startHostProxy({ folder: proxyFolder(home) }))).admit(hosts);
  const { sensorTimeoutSeconds, sensorMaxBytes: maxBytes, sensorIntervalSeconds } = world.settings;
  const bounds = { timeoutMs: sensorTimeoutSeconds === 0 ? Number.MAX_SAFE_INTEGER : sensorTimeoutSeconds * 1_000, maxBytes };
  const intervalMs = sensorIntervalSeconds === undefined ? undefined : sensorIntervalSeconds * 1_000;
  const place = { sandbox, folder, secret: secrets.resolve, bounds, wayTo };
  return {
    sandbox,
    async runSensor(name, signal) {
      const program = (await programs.current()).get(name);
      if (program === undefined) return undefined;
      const run = await runSensor(place, program, signal);
      if (run.kind === "refused") return { kind: "refused", why: redactor.redact(run.why) };
      const result = { ...run.result, stdout: redactor.redact(run.result.stdout), stderr: redactor.redact(run.result.stderr) };
      return { kind: "ran", program: program.source, sandbox: run.sandbox, result };
    },
    sensors: (changed) => createSensors({ ...place, db: record.db, clock, log, redactor, workspaces, programs, intervalMs, changed }),
    close: async () => (await proxy)?.close(),
  };
}

const LONGEST_FOLDER_PATH = 80; // of a socket the kernel takes 107 bytes, its name included

/** Of its own: whoever is shown the socket of the server is not shown this one. */
function proxyFolder({ folder, socket }: Pick<Home, "folder" | "socket">): string {
  const usual = join(folder, "proxy");
  return Buffer.byteLength(usual) <= LONGEST_FOLDER_PATH ? usual : `${dirname(socket)}-proxy`;
}
