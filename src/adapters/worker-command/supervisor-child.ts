/*
 * Stands beside one worker, from its start to its end, whatever becomes of the server: holds its terminal, keeps what it prints, and says how it ended.
 * Its argument is the folder of the worker; what to start, with the environment, comes on its input and stands nowhere else. It says one line when the worker
 * runs. SIGTERM: stop.json says how long the worker may take to end.
 */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { IPty } from "@lydell/node-pty";
import { systemClock as clock } from "#src/kernel/clock.ts";
import { placesIn } from "./places.ts";
import { markOf, type StatusFile, writeStatus } from "./status-file.ts";
import type { SupervisorOrder } from "./supervisor-order.ts";
import { openTerminalLog } from "./terminal-log.ts";
import { askToEnd, endByForce, type WorkerTree } from "./worker-tree.ts";

const USUAL_GRACE_MS = 5_000;
const RETRY_MS = 1_000;
const STDOUT = 1;

const places = placesIn(process.argv[2]!);
let isStopped = false;
let stopping: (() => void) | undefined;
process.on("SIGTERM", () => {
  isStopped = true;
  stopping?.();
});
for (const signal of ["SIGHUP", "SIGINT", "SIGPIPE"] as const) process.on(signal, () => undefined);

async function supervise(): Promise<void> {
  const order = JSON.parse(readFileSync(0, "utf8")) as SupervisorOrder; // cut short where the server died while it wrote: then nothing was started
  writeFileSync(places.decided, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
  const first: StatusFile = { ...order.status, supervisor: await markOf(process.pid), startedAtMs: clock.nowMs() };
  writeStatus(places.status, first);
  const log = openTerminalLog(places.terminal);
  const worker = await open(order);
  if (typeof worker === "string") {
    writeStatus(places.status, { ...first, state: "exited", exitCode: 127, endedAtMs: clock.nowMs() });
    return say({ failed: worker });
  }
  const ended = Promise.withResolvers<{ exitCode: number; signal?: number }>();
  worker.onData((bytes) => log.write(bytes as unknown as Buffer)); // `encoding: null` gives bytes
  worker.onExit(ended.resolve);
  const tree: WorkerTree = { leader: await markOf(worker.pid), mark: order.mark };
  const running: StatusFile = { ...first, state: "running", leader: tree.leader };
  stopping = stopper(tree, order.isHolder);
  writeStatus(places.status, running);
  say({ running: true });
  if (isStopped) stopping();
  const end = await ended.promise;
  await endByForce(tree); // what it left in the background
  await writeAtLast({ ...running, ...howItEnded(end, order.isHolder), endedAtMs: clock.nowMs() });
}

/** The worker in its terminal, or why it could not be made. */
async function open({ argv, cwd, env, status }: SupervisorOrder): Promise<IPty | string> {
  const [program, ...args] = argv;
  try {
    const { spawn } = await import("@lydell/node-pty");
    const { columns: cols, rows } = status.size;
    return spawn(program, args, { name: env["TERM"] || "xterm-256color", cols, rows, cwd, env: { ...env }, encoding: null });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Asks, and ends by force when the time is over; the shortest time that was ever given counts. */
function stopper(tree: WorkerTree, isHolder: boolean): () => void {
  let deadlineMs = Infinity;
  return () => {
    const wanted = performance.now() + graceMs();
    if (wanted >= deadlineMs) return;
    deadlineMs = wanted;
    void askToEnd(tree, isHolder);
    setTimeout(() => void endByForce(tree), Math.max(0, wanted - performance.now()));
  };
}

function graceMs(): number {
  try {
    const { graceMs: wanted } = JSON.parse(readFileSync(places.stop, "utf8")) as { graceMs?: unknown };
    return typeof wanted === "number" && wanted >= 0 ? wanted : USUAL_GRACE_MS;
  } catch {
    return USUAL_GRACE_MS; // a signal from elsewhere, such as the shutdown of the machine
  }
}

const SIGNAL_BY_NUMBER = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const SIGNALLED = 128;

/** A worker that a holder held and that was asked to end shows the signal in its exit code. */
function howItEnded(end: { readonly exitCode: number; readonly signal?: number }, isHolder: boolean): Pick<StatusFile, "state" | "exitCode" | "signal"> {
  const number = end.signal || (isStopped && isHolder ? end.exitCode - SIGNALLED : 0);
  const signal = SIGNAL_BY_NUMBER.get(number);
  if (signal !== undefined) return { state: "killed", exitCode: null, signal };
  return { state: isStopped ? "killed" : "exited", exitCode: end.exitCode, signal: null };
}

/** How it ended must be known: on a disk that is full it is tried until it fits. */
async function writeAtLast(status: StatusFile): Promise<void> {
  for (;;) {
    try {
      return writeStatus(places.status, status);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // the folder is gone: nobody wants to know
      await pause(RETRY_MS);
    }
  }
}

function say(line: object): void {
  try {
    writeSync(STDOUT, `${JSON.stringify(line)}\n`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error; // the server that waited is gone
  }
}

await supervise();
process.exit();
