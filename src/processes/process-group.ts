import type { ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import type { ProcessTree } from "./bounded-process.ts";
import { allProcesses } from "./process-stat.ts";

const POLL_MS = 2;
const GONE_WITHIN_MS = 1_000;

/** Everything that stays in the process group which the command leads. What leaves it on purpose is not found. */
export const processGroup: ProcessTree = {
  kill: killGroup,
  async clear(child) {
    for (let waitedMs = 0; waitedMs < GONE_WITHIN_MS; waitedMs += POLL_MS) {
      if (!killGroup(child) || !(await hasLiving(child.pid!))) return;
      await pause(POLL_MS);
    }
  },
};

/** False: nobody is left, not even dead. */
export function killGroup(child: ChildProcess): boolean {
  return child.pid !== undefined && sendKill(-child.pid);
}

/** SIGKILL to a process, or to a group by its negative number. False: there is none. */
export function sendKill(processId: number): boolean {
  try {
    return process.kill(processId, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** The dead stay in their group until somebody collects them, which may take long. Where there is no /proc, they count as living. */
async function hasLiving(groupId: number): Promise<boolean> {
  const processes = await allProcesses();
  return processes === null || processes.some((stat) => stat.isAlive && stat.groupId === groupId);
}
