import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isRunning } from "./server-file.ts";

/** A worker whose supervisor is there, as that supervisor wrote itself down. */
export interface LeftWorker {
  readonly name: string;
  /** Of the supervisor. */
  readonly processId: number;
  readonly began: string | null;
}

/** More than a supervisor gives its worker to end. */
const GONE_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 50;

/** Workers of this home that run on this machine, with or without a server; by name. */
export function leftWorkers(homeFolder: string): LeftWorker[] {
  return foldersIn(join(homeFolder, "workers"))
    .flatMap((folder) => read(join(folder, "status.json")) ?? [])
    .filter(isThere)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Ends them with all that they started: asked first, then by force. Gives those that are still there. */
export async function endWorkers(workers: readonly LeftWorker[]): Promise<readonly LeftWorker[]> {
  for (const worker of workers) ask(worker);
  for (const deadline = performance.now() + GONE_WITHIN_MS; performance.now() < deadline; await pause(LOOK_EVERY_MS)) {
    if (!workers.some(isThere)) return [];
  }
  return workers.filter(isThere);
}

/** A sentence about those that go on without a server. */
export const goingOn = (left: readonly LeftWorker[]): string =>
  `${left.length === 1 ? "A worker goes" : `${left.length} workers go`} on: ${left.map(({ name, processId }) => `${name} (process ${processId})`).join(", ")}. The next start takes them up; \`loop down\` ends them.`;

const isThere = ({ processId, began }: LeftWorker): boolean => isRunning({ processId, began, url: "" });

/** Its supervisor takes it from there. */
function ask({ processId }: LeftWorker): void {
  try {
    process.kill(processId, "SIGTERM");
  } catch (error) {
    if (!["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error; // gone by itself, or of another account: then it is said to be there
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .map((name) => join(folder, name));
  } catch {
    return []; // no worker was ever started here
  }
}

interface StatusFile {
  readonly name: string;
  readonly state: string;
  readonly supervisor: { readonly processId: number; readonly began: string | null };
}

function read(file: string): LeftWorker | undefined {
  try {
    const { name, state, supervisor } = JSON.parse(readFileSync(file, "utf8")) as StatusFile;
    return state === "starting" || state === "running" ? { name, ...supervisor } : undefined;
  } catch {
    return undefined; // gone meanwhile, or damaged: the server says so when it lists them
  }
}
