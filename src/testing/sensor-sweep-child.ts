import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { createPrograms } from "#src/pulse/sensors/programs.ts";
import { createSensors } from "#src/pulse/sensors/sensors.ts";
import { readings } from "#src/pulse/store/sensor-readings.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { currentRevision } from "#src/workspace/revisions.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { silentLog } from "./silent-log.ts";
import { type Life, liveOnce } from "./sweep-life.ts";
import { filesOf } from "./workspace-files.ts";

const HEAD = { "loop.yaml": "apiVersion: loopwright.dev/v1\nkind: Workspace\nname: swept\n" };
const saying = (word: string): string => `echo '{"signal":"${word}"}'\n`;

/** What is in force one after the other: a sensor that changes, one that goes, one that comes, and one that fails throughout. */
const REVISIONS = [
  { "sensors/changes.sh": saying("a"), "sensors/goes.sh": saying("here"), "sensors/fails.sh": "exit 3\n" },
  { "sensors/changes.sh": saying("b"), "sensors/comes.sh": saying("here"), "sensors/fails.sh": "exit 3\n" },
];

/** Two revisions with sensors, each looked at until all of its sensors have said something. */
export const liveSensors: Life = async (db, folder) => {
  const workspaces = createWorkspaceView(db);
  const place = await realpath(folder);
  await mkdir(join(place, "workspace"), { recursive: true });
  const none = (): Promise<never> => Promise.reject(new Error("there is none here"));
  const sensors = createSensors({
    db,
    clock: systemClock,
    log: silentLog,
    redactor: createRedactor(),
    workspaces,
    programs: createPrograms({ db, workspaces, folder: join(place, "sensors") }),
    folder: join(place, "workspace"),
    sandbox: () => Promise.resolve(createSandboxOff()),
    secret: none,
    wayTo: none,
    bounds: { timeoutMs: 60_000, maxBytes: 8_192 },
    changed: () => undefined,
    gatherMs: 60_000, // each life writes the same together, however long its sensors take
  });
  for (const [index, files] of REVISIONS.entries()) {
    const inForce = Number((await currentRevision(db))?.note ?? 0);
    if (inForce > index + 1) continue;
    if (inForce === index) await applyFiles(db, systemClock, { files: filesOf({ ...HEAD, ...files }), author: "system", note: String(index + 1) });
    do {
      await sensors.beat();
      await sensors.settled();
    } while ((await readings(db)).length < Object.keys(files).length);
  }
  await sensors.rest();
};

if (import.meta.main) await liveOnce(liveSensors);
