import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { sendKill } from "./process-group.ts";

const ROUND_MS = 5;
const ROUNDS = 100;

/** Ends every process whose environment has this entry, as long as new ones turn up. Finds those that left their group too. Does nothing where there is no /proc. */
export async function killMarked(entry: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = await marked(entry);
    if (found.filter(sendKill).length === 0) return;
    await pause(ROUND_MS);
  }
}

async function marked(entry: string): Promise<readonly number[]> {
  const names = await readdir("/proc").catch(() => []);
  const processIds = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const hits = await Promise.all(processIds.map((processId) => hasEntry(processId, entry)));
  return processIds.filter((_, at) => hits[at]);
}

/** Other accounts' processes cannot be read, and are none of ours; the dead have no environment. */
async function hasEntry(processId: number, entry: string): Promise<boolean> {
  const environment = await readFile(`/proc/${processId}/environ`, "utf8").catch(() => "");
  return environment.split("\0").includes(entry);
}
