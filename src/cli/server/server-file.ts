import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A process that serves a home, as it wrote itself down. */
export interface ServerProcess {
  readonly processId: number;
  /** When the process began, as the system says it: another process may get the same number later. Null: this system does not say. */
  readonly began: string | null;
  /** Empty: it answers no requests, and works beside one that does. */
  readonly url: string;
}

const folderOf = (homeFolder: string): string => join(homeFolder, "processes");

/** Writes down that this process serves the home. Gives how to take that back. */
export function writeServerFile(homeFolder: string, url: string): () => void {
  const mine: ServerProcess = { processId: process.pid, began: statOf(process.pid)?.began ?? null, url };
  const file = join(folderOf(homeFolder), `${process.pid}.json`);
  mkdirSync(folderOf(homeFolder), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(mine)}\n`, { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** The process that answers for this home; undefined when none does. */
export const findServer = (homeFolder: string): ServerProcess | undefined => findProcesses(homeFolder).find(({ url }) => url !== "");

/** Every process that serves this home on this machine. */
export function findProcesses(homeFolder: string): ServerProcess[] {
  return filesIn(folderOf(homeFolder)).flatMap((file) => {
    const known = read(file);
    return known && isRunning(known) ? [known] : [];
  });
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

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+\.json$/.test(name))
      .map((name) => join(folder, name));
  } catch {
    return []; // nobody has served this home yet
  }
}

function read(file: string): ServerProcess | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ServerProcess;
  } catch {
    return undefined; // gone meanwhile, or half of it: then nobody said that they serve
  }
}

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
