import { open, rm, stat, statfs } from "node:fs/promises";
import type { Log } from "#src/kernel/log.ts";

const CHECK_EVERY_MS = 5_000;
const BALLAST_BYTES = 32 * 1_048_576;
const MEGABYTE = 1_048_576;

/** Watches the disk that the database writes to. */
export interface StorageWatch {
  /** False while less is free than the settings want: no new work is taken. */
  hasRoom(): boolean;
  readonly freeMb: () => number;
  /** Looks now. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * Looks each five seconds. Keeps a file of 32 MB as ballast and gives it up when the disk is nearly full, so that Postgres can finish what it must; when there is
 * room again the file is laid down anew.
 */
export async function watchStorage({
  folder,
  ballast,
  minFreeMb,
  log,
}: {
  folder: string;
  ballast: string;
  minFreeMb: number;
  log: Log;
}): Promise<StorageWatch> {
  let freeBytes = Number.POSITIVE_INFINITY;
  let low = false;
  const check = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(folder);
    freeBytes = bavail * bsize;
    const wasLow = low;
    low = freeBytes < minFreeMb * MEGABYTE;
    if (low && !wasLow) log.error("the disk is nearly full: no new work is taken", { folder, freeMb: Math.floor(freeBytes / MEGABYTE), minFreeMb });
    if (!low && wasLow) log.info("there is room on the disk again", { folder, freeMb: Math.floor(freeBytes / MEGABYTE) });
    if (freeBytes < BALLAST_BYTES) await rm(ballast, { force: true });
    else if (freeBytes > minFreeMb * MEGABYTE + 4 * BALLAST_BYTES) await layBallast(ballast);
  };
  const look = (): void => void check().catch((error: unknown) => log.warn("the disk could not be looked at", { folder, error }));
  await check();
  const timer = setInterval(look, CHECK_EVERY_MS);
  timer.unref();
  return { hasRoom: () => !low, freeMb: () => Math.floor(freeBytes / MEGABYTE), check, stop: () => clearInterval(timer) };
}

async function layBallast(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === BALLAST_BYTES) return;
  const file = await open(path, "w", 0o600);
  try {
    const block = Buffer.alloc(MEGABYTE); // written, not just sized: a sparse file frees nothing when it goes
    for (let written = 0; written < BALLAST_BYTES; written += block.length) await file.write(block);
  } finally {
    await file.close();
  }
}
