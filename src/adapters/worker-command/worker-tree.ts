import { killMarked } from "#src/processes/marked-processes.ts";
import { sendKill } from "#src/processes/process-group.ts";
import { allProcesses } from "#src/processes/process-stat.ts";
import { isThere, type ProcessMark } from "./status-file.ts";

/** What belongs to one worker. */
export interface WorkerTree {
  readonly leader: ProcessMark;
  /** Entry in the environment of all that it started. */
  readonly mark: string;
}

/** Variable by which the processes of one worker are found again. */
export const MARK = "LOOP_WORKER_MARK";

/** Asks everything below the leader, and the leader itself unless it only holds the others. */
export async function askToEnd({ leader }: WorkerTree, isHolder: boolean): Promise<void> {
  const below = await familyOf(leader.processId);
  const asked = isHolder && below.length > 0 ? below : [leader.processId, ...below];
  for (const processId of asked) send(processId, "SIGTERM");
}

/** Ends everything that can be told to belong to it: its session, what descends from it, and what has its mark. Safe to repeat. */
export async function endByForce({ leader, mark }: WorkerTree): Promise<void> {
  if (await isThere(leader)) {
    const family = await familyOf(leader.processId);
    sendKill(leader.processId);
    for (const processId of family) sendKill(processId);
  }
  await killMarked(mark);
}

/** Children, their children, and whoever shares the session; without the leader. */
async function familyOf(leaderId: number): Promise<readonly number[]> {
  const all = (await allProcesses()) ?? [];
  const family = new Set(all.filter(({ sessionId }) => sessionId === leaderId).map(({ processId }) => processId)).add(leaderId);
  for (let known = 0; known !== family.size;) {
    known = family.size;
    for (const { processId, parentId } of all) if (family.has(parentId)) family.add(processId);
  }
  family.delete(leaderId);
  return [...family];
}

function send(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(processId, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
