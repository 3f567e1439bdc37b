import { createHash } from "node:crypto";
import { join } from "node:path";

/** What lies in the folder of one worker. The terminal has a folder of its own, so that whoever watches for a change of state is not woken by what is printed. */
export interface WorkerPlaces {
  readonly folder: string;
  readonly status: string;
  /** Made by whoever decides the start: the supervisor that goes ahead, or a server that gives the start up. */
  readonly decided: string;
  /** How much time the worker is given to end. */
  readonly stop: string;
  readonly terminal: string;
  /** What the supervisor said when it broke; empty. */
  readonly trouble: string;
}

export const STATUS_FILE = "status.json";

const SAFE = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

/** A key that cannot be the name of a file is named by its digest. */
export const folderName = (key: string): string => (SAFE.test(key) ? key : createHash("sha256").update(key).digest("hex"));

export function placesIn(folder: string): WorkerPlaces {
  return {
    folder,
    status: join(folder, STATUS_FILE),
    decided: join(folder, "decided"),
    stop: join(folder, "stop.json"),
    terminal: join(folder, "terminal"),
    trouble: join(folder, "supervisor.log"),
  };
}
