import { readFileSync } from "node:fs";
import { join } from "node:path";
import { goingOn, leftWorkers } from "./left-workers.ts";
import type { RunningServer } from "./program.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** One Ctrl-C may come twice: from the terminal, and from whoever started us. */
const ECHO_MS = 300;

export interface Signals {
  /** Given when the first signal came. */
  readonly stopped: Promise<NodeJS.Signals>;
  readonly signal: AbortSignal;
  /** As if a signal had come. */
  stop(): void;
}

/** Takes the signals that end a server. `forced` is called for a second one. */
export function takeSignals(forced: () => void): Signals {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstMs: number | undefined;
  const take = (name: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (firstMs !== undefined && nowMs - firstMs < ECHO_MS) return;
    if (firstMs !== undefined) return forced();
    firstMs = nowMs;
    controller.abort();
    resolve(name);
  };
  for (const name of STOP_SIGNALS) process.on(name, () => take(name));
  return { stopped: promise, signal: controller.signal, stop: () => take("SIGINT") };
}

/** Stands for the server until a signal comes, then stops it cleanly. */
export async function standUntil(server: RunningServer, signals: Signals, say: (text: string) => void): Promise<void> {
  await signals.stopped;
  say("Stopping: what moves comes to its end, the rest goes on at the next start. Ctrl-C again forces it.");
  await server.stop();
  const left = leftWorkers(server.home.folder);
  say(left.length === 0 ? "Stopped. Nothing is left running." : `Stopped. ${goingOn(left)}`);
}

/** The last resort: ends the Postgres of the home at once, as a power failure would; it recovers at the next start. */
export function killPostgres(homeFolder: string): void {
  try {
    const processId = Number(readFileSync(join(homeFolder, "postgres", "data", "postmaster.pid"), "utf8").split("\n", 1)[0]);
    if (processId > 1) process.kill(processId, "SIGQUIT");
  } catch {
    // no Postgres of ours runs, or it is gone already
  }
}
