import { readdir, readFile } from "node:fs/promises";

export interface ProcessStat {
  readonly processId: number;
  /** False for a zombie: it has ended and waits to be collected. */
  readonly isAlive: boolean;
  readonly parentId: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** When it began, in ticks since the machine did: another process may get the same number later. */
  readonly startTicks: string;
}

/** What /proc says of a process (proc_pid_stat(5)); null: there is none, or no /proc. */
export async function processStat(processId: number): Promise<ProcessStat | null> {
  const line = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => null);
  if (line === null) return null;
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" "); // the name before may hold anything
  const [state, parentId, groupId, sessionId] = fields;
  return {
    processId,
    isAlive: state !== "Z" && state !== "X",
    parentId: Number(parentId),
    groupId: Number(groupId),
    sessionId: Number(sessionId),
    startTicks: fields[19]!,
  };
}

/** Of every process that there is; null: this system has no /proc. */
export async function allProcesses(): Promise<readonly ProcessStat[] | null> {
  const names = await readdir("/proc").catch(() => null);
  if (names === null) return null;
  const stats = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((name) => processStat(Number(name))));
  return stats.filter((stat) => stat !== null);
}
