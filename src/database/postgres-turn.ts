import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { isSystemError, nullWhenAbsent } from "./postgres-account.ts";
import { isStillAlive, markOf } from "./postgres-liveness.ts";

const WAIT_LIMIT_MS = 60_000;
const POLL_MS = 25;
const busyHere = new Set<string>();

/**
 * Runs the work while no other starter works in this folder. It saves double work and confusing failures; correctness does not rest on it, since the data folder,
 * its password and the running postmaster are each won by one starter only.
 * @throws LoopError home_in_use when another starter holds its turn for too long
 */
export async function takeTurn<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, "launch.lock");
  const deadline = performance.now() + WAIT_LIMIT_MS;
  while (busyHere.has(path)) await waitFor(folder, deadline);
  busyHere.add(path);
  try {
    const ticket = `${process.pid} ${(await markOf(process.pid)).birth}`;
    while (!(await tryTake(path, ticket))) await waitFor(folder, deadline);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    busyHere.delete(path);
  }
}

async function waitFor(folder: string, deadline: number): Promise<void> {
  if (performance.now() > deadline) {
    throw new LoopError(
      "home_in_use",
      `Another Loopwright has been starting the database in ${folder} for ${WAIT_LIMIT_MS / 1_000} s. See what it waits for (postgres.log is there), then start again.`,
      { facts: { folder } },
    );
  }
  await pause(POLL_MS);
}

/** The file appears with its content: a reader never sees it empty. */
async function tryTake(path: string, ticket: string): Promise<boolean> {
  const mine = `${path}.new-${process.pid}`;
  try {
    await writeFile(mine, ticket, { mode: 0o600 });
    await link(mine, path);
    return true;
  } catch (cause) {
    if (!isSystemError(cause, "EEXIST")) throw cause;
    await removeStale(path, ticket);
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

async function removeStale(path: string, ticket: string): Promise<void> {
  const seen = await readFile(path, "utf8").catch(nullWhenAbsent);
  if (seen === null || (seen !== ticket && (await isHeld(seen)))) return;
  const aside = `${path}.stale.new-${process.pid}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== seen) await link(aside, path); // somebody else removed the stale one and took a turn meanwhile
  } catch (cause) {
    if (!isSystemError(cause, "ENOENT", "EEXIST")) throw cause;
  } finally {
    await rm(aside, { force: true });
  }
}

async function isHeld(ticket: string): Promise<boolean> {
  const [processId, birth = ""] = ticket.split(" ");
  return isStillAlive({ processId: Number(processId), birth });
}
