import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { linkOnWay } from "#src/apply/whole-file.ts";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import { isFlapping, type Reading, readings } from "../store/sensor-readings.ts";

/** Below the folder of the workspace. No part of a workspace is read from there. */
const SNAPSHOTS = "snapshots";

export interface Mirror {
  /** Looks now. @throws LoopError workspace_invalid where a link leads out of the folder */
  look(): Promise<void>;
  /** From now on looks by itself. Gives the way to stop. */
  follow(): () => Promise<void>;
}

export interface MirrorParts {
  readonly db: Db;
  readonly log: Log;
  /** The folder of the workspace; one process holds it. */
  readonly folder: string;
  readonly onChange: (look: () => void) => () => void;
}

const LOOK_EVERY_MS = 10_000;
/** However much happens, so often and no oftener. */
const REST_MS = 500;

/**
 * Shows what sensors said as files, `snapshots/sensor-<name>.json`, for whoever would rather read files. They are written whole, by renaming, and never read back:
 * one that is deleted comes back, and what somebody else writes there counts for nothing.
 */
export function mirrorReadings({ db, log, folder, onChange }: MirrorParts): Mirror {
  const shown = new Map<string, string>();
  const at = join(folder, SNAPSHOTS);
  let looking: Promise<void> = Promise.resolve();
  const lookNow = async (): Promise<void> => {
    const wanted = new Map((await readings(db)).map((reading) => [`sensor-${reading.sensor}.json`, textOf(reading)]));
    const there = await filesIn(at);
    if (wanted.size === 0 && there.length === 0) return;
    const link = await linkOnWay(folder, SNAPSHOTS);
    if (link !== undefined)
      throw new LoopError("workspace_invalid", `${link} in the workspace is a link. Snapshots are written only where it is a folder; remove it.`);
    await mkdir(at, { recursive: true });
    for (const name of there) if (!wanted.has(name)) await rm(join(at, name), { force: true });
    for (const [name, text] of wanted) {
      if (shown.get(name) === text && there.includes(name)) continue;
      await put(at, { name, text });
      shown.set(name, text);
    }
  };
  const look = (): Promise<void> => (looking = looking.catch(() => undefined).then(lookNow));
  return { look, follow: () => followRecord(look, { what: "the snapshots", log, onChange }) };
}

/** Looks after each change, and from time to time; one look at a time. Gives the way to stop. `what`: is written by it into the folder of the workspace. */
export function followRecord(
  look: () => Promise<void>,
  { what, log, onChange }: Pick<MirrorParts, "log" | "onChange"> & { what: string },
): () => Promise<void> {
  let said = "";
  let resting: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  const go = (): void => {
    resting = undefined;
    running = look().then(
      () => void (said = ""),
      (error: unknown) => {
        if (said !== String(error)) log.warn(`${what} could not be written into the folder of the workspace; it is tried again`, { error });
        said = String(error);
      },
    );
  };
  const soon = (): void => void (resting ??= setTimeout(go, REST_MS).unref());
  const quiet = onChange(soon);
  const timer = setInterval(soon, LOOK_EVERY_MS).unref();
  soon();
  return async () => {
    quiet();
    clearInterval(timer);
    clearTimeout(resting);
    await running;
  };
}

const textOf = (reading: Reading): string => {
  const { signal, detail, failed, changedAtMs } = reading;
  return `${JSON.stringify({ signal, detail, failed, flapping: isFlapping(reading), changedAt: new Date(changedAtMs).toISOString() }, null, 2)}\n`;
};

async function filesIn(at: string): Promise<string[]> {
  const names = await readdir(at).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => /^sensor-.*\.json$/.test(name));
}

async function put(at: string, { name, text }: { name: string; text: string }): Promise<void> {
  const beside = join(at, `.${name}.${randomUUID()}`);
  try {
    await writeFile(beside, text, { flag: "wx" });
    await rename(beside, join(at, name));
  } finally {
    await rm(beside, { force: true });
  }
}
