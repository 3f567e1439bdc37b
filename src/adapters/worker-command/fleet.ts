import { readdir } from "node:fs/promises";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkerStatus } from "#src/acts/ports/worker-port.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { folderName, placesIn, type WorkerPlaces } from "./places.ts";
import { isLive, isThere, readStatus, type StatusFile, writeStatus } from "./status-file.ts";
import { lastOutputAtMs } from "./terminal-log.ts";
import { endByForce } from "./worker-tree.ts";

/** The folders of all workers of a home, as files say it. */
export interface Fleet {
  readonly folder: string;
  readonly clock: Clock;
}

export const placesOf = ({ folder }: Fleet, key: string): WorkerPlaces => placesIn(join(folder, folderName(key)));

/** What stands about the worker of this key, brought up to date where its supervisor died; undefined: it was never started. @throws LoopError worker_unavailable */
export async function look(fleet: Fleet, key: string): Promise<StatusFile | undefined> {
  return lookAt(fleet, placesOf(fleet, key));
}

/** All of them. @throws LoopError worker_unavailable when one cannot be read: then nobody knows who lives */
export async function lookAtAll(fleet: Fleet): Promise<readonly StatusFile[]> {
  const names = await namesIn(fleet);
  const all = await Promise.all(names.map((name) => lookAt(fleet, placesIn(join(fleet.folder, name)))));
  return all.filter((status) => status !== undefined);
}

/** @throws LoopError worker_unavailable */
async function namesIn({ folder }: Fleet): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith(".")); // those are on their way in or out
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(folder, cause);
  }
}

async function lookAt(fleet: Fleet, places: WorkerPlaces): Promise<StatusFile | undefined> {
  const status = readOrNone(places);
  if (status === undefined || !isLive(status) || (await isThere(status.supervisor))) return status;
  const again = readOrNone(places); // it may have said its last word before it ended
  if (again === undefined || !isLive(again)) return again;
  return settleLost(fleet, places, again);
}

function readOrNone(places: WorkerPlaces): StatusFile | undefined {
  try {
    return readStatus(places.status);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT" && !existsSync(places.folder)) return undefined;
    throw unreadable(places.status, cause);
  }
}

/** Its supervisor died, or never came. Whatever runs is ended, so that no work goes on that nobody watches. */
async function settleLost({ clock }: Fleet, places: WorkerPlaces, status: StatusFile): Promise<StatusFile> {
  if (status.state === "starting" && !giveUpStart(places)) {
    const now = readOrNone(places); // a supervisor came after all
    if (now === undefined || !isLive(now) || (await isThere(now.supervisor))) return now ?? status;
  }
  await endByForce({ leader: status.leader ?? { processId: 0, began: "none" }, mark: status.mark });
  const lost: StatusFile = { ...status, state: "lost", endedAtMs: clock.nowMs() };
  if (existsSync(places.folder)) writeStatus(places.status, lost);
  return lost;
}

/** True: no supervisor took this start, and from now on none can. */
function giveUpStart(places: WorkerPlaces): boolean {
  try {
    writeFileSync(places.decided, "given up\n", { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** As the port says it. */
export function toStatus(status: StatusFile, terminalFolder: string): WorkerStatus {
  const { key, name, host, state, exitCode, signal, startedAtMs, endedAtMs, sandbox } = status;
  const lastOutput = Math.max(startedAtMs, lastOutputAtMs(terminalFolder) ?? 0);
  return { key, host, pid: status.supervisor.processId, name, state, exitCode, signal, startedAtMs, lastOutputAtMs: lastOutput, endedAtMs, sandbox };
}

const unreadable = (place: string, cause: unknown): LoopError =>
  new LoopError(
    "worker_unavailable",
    `Nobody can say which workers run: ${place} cannot be read (${cause instanceof Error ? cause.message : String(cause)}). No worker is started until it can: make it readable, or move away what stands there.`,
    { facts: { place }, cause },
  );
