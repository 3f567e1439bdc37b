import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { type Account, isSystemError, nullWhenAbsent } from "./postgres-account.ts";
import { isStillAlive, type Mark } from "./postgres-liveness.ts";
import { type ServerSettings, settingArguments } from "./postgres-settings.ts";

/** What postmaster.pid says: https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/utils/pidfile.h */
export interface Postmaster {
  readonly processId: number;
  readonly port: number;
  readonly ready: boolean;
}

export type Started = { kind: "ready"; postmaster: Postmaster } | { kind: "port_taken" } | { kind: "old_postmaster" };

interface Start {
  readonly folder: string;
  readonly binariesFolder: string;
  readonly account: Account | null;
  readonly settings: ServerSettings;
}

const POLL_MS = 15;
const RECOVERY_LIMIT_MS = 120_000;

/** Fast, then at once without a checkpoint: https://www.postgresql.org/docs/18/server-shutdown.html */
const SHUTDOWN_STEPS = [
  { signal: "SIGINT", limitMs: 60_000 },
  { signal: "SIGQUIT", limitMs: 10_000 },
] as const;

export async function readPostmaster(dataFolder: string): Promise<Postmaster | null> {
  return parsePostmaster(await readPidFile(dataFolder));
}

const readPidFile = (dataFolder: string) => readFile(join(dataFolder, "postmaster.pid"), "utf8").catch(nullWhenAbsent);

function parsePostmaster(text: string | null): Postmaster | null {
  const lines = text?.split("\n") ?? [];
  const processId = Number(lines[0]);
  if (!Number.isSafeInteger(processId) || processId <= 0) return null;
  return { processId, port: Number(lines[3] ?? 0), ready: lines[7]?.trim() === "ready" };
}

/** Environment of Postgres programs: nothing of ours, since other processes of the account could read it. */
export const POSTGRES_ENVIRONMENT = { LC_ALL: "C", TZ: "UTC", PATH: "/usr/bin:/bin" };

export const identity = (account: Account | null) => (account ? { uid: account.userId, gid: account.groupId } : {});

/** Starts a postmaster that outlives this process, and waits until it takes connections. @throws LoopError database_unavailable | storage_full | postgres_missing */
export async function startPostmaster(start: Start): Promise<Started> {
  const dataFolder = join(start.folder, "data");
  const stalePidFile = await readPidFile(dataFolder);
  const log = await open(join(start.folder, "postgres.log"), "a+", 0o600);
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(join(start.binariesFolder, "bin", "postgres"), ["-D", dataFolder, ...settingArguments(start.settings)], {
      cwd: start.folder,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: POSTGRES_ENVIRONMENT,
      ...identity(start.account),
    });
    const ended = new Promise<unknown>((resolve) => child.once("exit", resolve).once("error", resolve));
    child.unref();
    const postmaster = await untilReady(dataFolder, { processId: child.pid ?? 0, stalePidFile, ended });
    if (postmaster) return { kind: "ready", postmaster };
    const said = await readFile(join(start.folder, "postgres.log"));
    return whyEnded(said.subarray(logStart).toString("utf8").slice(-4_000), await ended);
  } finally {
    await log.close();
  }
}

/** Null when the child ended first. */
async function untilReady(dataFolder: string, child: { processId: number; stalePidFile: string | null; ended: Promise<unknown> }): Promise<Postmaster | null> {
  let hasEnded = false;
  void child.ended.then(() => (hasEnded = true));
  const deadline = performance.now() + RECOVERY_LIMIT_MS;
  while (performance.now() < deadline) {
    const pidFile = await readPidFile(dataFolder);
    const postmaster = parsePostmaster(pidFile);
    // In a restarted container the number of the old postmaster can be given out again, and its file then says "ready" too early.
    if (postmaster?.processId === child.processId && postmaster.ready && pidFile !== child.stalePidFile) return postmaster;
    await Promise.race([child.ended, pause(POLL_MS)]);
    if (hasEnded) return null;
  }
  throw new LoopError(
    "database_unavailable",
    `Postgres is still recovering after ${RECOVERY_LIMIT_MS / 1_000} s. It goes on; start again in a while, and look at ${join(dirname(dataFolder), "postgres.log")} if it never ends.`,
    { facts: { processId: child.processId } },
  );
}

function whyEnded(said: string, end: unknown): Started {
  if (/could not bind|Address already in use/.test(said)) return { kind: "port_taken" };
  if (/lock file "[^"]*" (?:already exists|is empty)|pre-existing shared memory block/.test(said)) return { kind: "old_postmaster" };
  if (/No space left on device/.test(said)) {
    throw new LoopError("storage_full", `Postgres did not start because the disk is full. Free some space and start again. It said: ${said.trim()}`);
  }
  if (end instanceof Error) {
    throw new LoopError(
      "postgres_missing",
      `The Postgres that comes with Loopwright cannot be run on this system (${end.message}). Set DATABASE_URL to a Postgres 15 or newer.`,
      { cause: end },
    );
  }
  throw new LoopError("database_unavailable", `Postgres ended while starting (exit ${String(end)}). It said: ${said.trim() || "nothing"}`);
}

/** A port that nobody used a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

/** Fast shutdown: open transactions are rolled back and a checkpoint is written. Gives back when the process is gone. Safe to call when it is gone already. */
export async function stopPostmaster(postmaster: Mark): Promise<void> {
  for (const { signal, limitMs } of SHUTDOWN_STEPS) {
    if (!(await isStillAlive(postmaster))) return; // its number may belong to a stranger by now
    try {
      process.kill(postmaster.processId, signal);
    } catch (cause) {
      if (!isSystemError(cause, "ESRCH")) throw cause;
    }
    if (await isGone(postmaster, limitMs)) return;
  }
  throw new LoopError("database_unavailable", `Postgres (process ${postmaster.processId}) did not stop.`, { facts: { processId: postmaster.processId } });
}

async function isGone(postmaster: Mark, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (await isStillAlive(postmaster)) {
    if (performance.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}
