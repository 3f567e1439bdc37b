import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { processStat } from "#src/processes/process-stat.ts";

/** A process, told apart from a later one with the same number. */
export interface ProcessMark {
  readonly processId: number;
  /** Null: this system does not say when a process began. */
  readonly began: string | null;
}

/** What the supervisor wrote down last. Nothing of the worker's environment is in it. */
export interface StatusFile {
  readonly key: string;
  readonly name: string;
  readonly host: string;
  readonly state: "starting" | "running" | "exited" | "killed" | "lost";
  /** Of the supervisor; while there is none, of the server that makes it. */
  readonly supervisor: ProcessMark;
  /** Leads the session of the worker; null: it was never there. */
  readonly leader: ProcessMark | null;
  /** Entry in the environment of all that the worker started. */
  readonly mark: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly sandbox: string;
  readonly size: { readonly columns: number; readonly rows: number };
}

export const isLive = ({ state }: Pick<StatusFile, "state">): boolean => state === "starting" || state === "running";

/** Writes it whole or not at all. */
export function writeStatus(file: string, status: StatusFile): void {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, `${JSON.stringify(status)}\n`, { mode: 0o600 });
  renameSync(mine, file);
}

const STATES: readonly unknown[] = ["starting", "running", "exited", "killed", "lost"] satisfies StatusFile["state"][];

/** @throws whatever the file system says, and SyntaxError for what is no status */
export function readStatus(file: string): StatusFile {
  const read = JSON.parse(readFileSync(file, "utf8")) as Partial<StatusFile> | null;
  const isWhole = typeof read?.key === "string" && STATES.includes(read.state) && typeof read.supervisor?.processId === "number" && read.size !== undefined;
  if (!isWhole) throw new SyntaxError(`${file} is no status of a worker`);
  return read as StatusFile;
}

export async function markOf(processId: number): Promise<ProcessMark> {
  return { processId, began: (await processStat(processId))?.startTicks ?? null };
}

/** Whether that very process is still there. */
export async function isThere({ processId, began }: ProcessMark): Promise<boolean> {
  if (began !== null) {
    const now = await processStat(processId);
    return now !== null && now.isAlive && now.startTicks === began;
  }
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // it is there and not ours
  }
}
