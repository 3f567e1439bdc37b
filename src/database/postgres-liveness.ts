import { readFile } from "node:fs/promises";
import { isSystemError } from "./postgres-account.ts";

/** Tells a process from a later one of the same number, as after a reboot or a container's restart. */
export interface Mark {
  readonly processId: number;
  /** Empty where there is no /proc. */
  readonly birth: string;
}

export async function markOf(processId: number): Promise<Mark> {
  const status = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => "");
  if (status === "") return { processId, birth: "" };
  const startedTicks = status.slice(status.lastIndexOf(")") + 2).split(" ")[19]; // field 22 of proc(5)
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return { processId, birth: `${boot.trim()}:${startedTicks}` };
}

/** False for a process that has ended but that its parent has not collected yet. */
export async function isAlive(processId: number): Promise<boolean> {
  try {
    process.kill(processId, 0);
  } catch (cause) {
    return isSystemError(cause, "EPERM");
  }
  const status = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => "");
  return !/\) [ZX] /.test(status);
}

export async function isStillAlive(mark: Mark): Promise<boolean> {
  return (await isAlive(mark.processId)) && (await markOf(mark.processId)).birth === mark.birth;
}
