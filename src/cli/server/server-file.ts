import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The process that serves a home, as it wrote itself down. */
export interface ServerProcess {
  readonly processId: number;
  /** When the process began, as the system says it: another process may get the same number later. Null: this system does not say. */
  readonly began: string | null;
  readonly url: string;
}

const fileOf = (homeFolder: string): string => join(homeFolder, "server.json");

/** Writes down that this process serves the home. Gives how to take that back. */
export function writeServerFile(homeFolder: string, url: string): () => void {
  const mine: ServerProcess = { processId: process.pid, began: beganOf(process.pid), url };
  writeFileSync(fileOf(homeFolder), `${JSON.stringify(mine)}\n`, { mode: 0o600 });
  return () => {
    if (read(homeFolder)?.processId === process.pid) rmSync(fileOf(homeFolder), { force: true });
  };
}

/** The process that serves this home; undefined when none does. */
export function findServer(homeFolder: string): ServerProcess | undefined {
  const known = read(homeFolder);
  return known && isRunning(known) ? known : undefined;
}

/** Whether that very process is still there. */
export function isRunning({ processId, began }: ServerProcess): boolean {
  try {
    process.kill(processId, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false; // it may be there and not be ours
  }
  const now = statOf(processId);
  if (now?.state === "Z") return false;
  return began === null || now === undefined || now.began === began;
}

function read(homeFolder: string): ServerProcess | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(homeFolder), "utf8")) as ServerProcess;
  } catch {
    return undefined; // absent, or half of it: then nobody said that they serve
  }
}

const beganOf = (processId: number): string | null => statOf(processId)?.began ?? null;

/** From proc(5): the name stands in brackets and may hold anything, so the fields are counted after it. */
function statOf(processId: number): { readonly state: string; readonly began: string } | undefined {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, began: fields[19]! };
  } catch {
    return undefined; // no such process, or a system without /proc
  }
}
