import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { createCommandWorkers } from "#src/adapters/worker-command/workers.ts";
import type { Home } from "#src/database/home.ts";
import type { Clock } from "#src/kernel/clock.ts";

/** What lies around the workers of a home. */
export interface WorkerWorldOf {
  readonly home: Pick<Home, "folder" | "socket">;
  readonly clock: Clock;
  readonly workspaceFolder: string;
  /** In force now. */
  readonly sandbox: () => Promise<SandboxPort>;
}

/** Workers of this host. Each is shown the workspace, the program `loop` with what it needs, and the folder of the socket, so that it can speak with any server of this home. */
export function workersOf({ home, clock, workspaceFolder, sandbox }: WorkerWorldOf): WorkerPort {
  return createCommandWorkers({
    folder: join(home.folder, "workers"),
    clock,
    host: hostname(),
    sandbox,
    readable: [...PROGRAM, workspaceFolder, dirname(home.socket)],
  });
}

/** Of the checkout, or of the installed package; `dist/` and `src/` both lie in it. */
export const PROGRAM_FOLDER = dirname(import.meta.dirname);

const INSTALLED = "/node_modules/";

/** Packages that ours needs may lie beside it. */
const PROGRAM: readonly string[] = [
  PROGRAM_FOLDER.includes(INSTALLED) ? PROGRAM_FOLDER.slice(0, PROGRAM_FOLDER.indexOf(INSTALLED) + INSTALLED.length - 1) : PROGRAM_FOLDER,
  process.execPath,
];
