import { readFile } from "node:fs/promises";

export interface ProcessStat {
  /** False for a zombie: it has ended and waits to be collected. */
  readonly isAlive: boolean;
  readonly groupId: number;
}

/** What /proc says of a process (proc_pid_stat(5)); null: there is none, or no /proc. */
export async function processStat(processId: number): Promise<ProcessStat | null> {
  const line = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => null);
  if (line === null) return null;
  const [state, , groupId] = line.slice(line.lastIndexOf(")") + 2).split(" "); // the name before may hold anything
  return { isAlive: state !== "Z" && state !== "X", groupId: Number(groupId) };
}
