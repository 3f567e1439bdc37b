import { writeFileSync, renameSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { sendKill } from "#src/processes/process-group.ts";
import { type Fleet, look, lookAtAll, placesOf, toStatus } from "./fleet.ts";
import { screenOf } from "./screen.ts";
import { away, startWorker, type StartOptions } from "./start.ts";
import { isLive, isThere, type StatusFile } from "./status-file.ts";
import { lastOutput } from "./terminal-log.ts";
import { plainText } from "./text.ts";
import { watchFleet } from "./watch.ts";
import { endByForce } from "./worker-tree.ts";

export interface CommandWorkerOptions extends Fleet, StartOptions {}

const LOOK_EVERY_MS = 20;
/** For a supervisor to say the end after the grace time. */
const SAID_WITHIN_MS = 5_000;
/** Enough for what a full-screen program draws anew again and again. */
const REPLAYED_BYTES = 1_048_576;
/** Beside what is asked for, since codes are taken out of it. */
const CODES_BYTES = 65_536;

/** Commands in terminals of their own, in the sandbox of the workspace. `folder`: one folder per worker, for this account only. */
export function createCommandWorkers(options: CommandWorkerOptions): WorkerPort {
  const terminalOf = (key: string): string => placesOf(options, key).terminal;
  const statusOf = (status: StatusFile) => toStatus(status, terminalOf(status.key));
  const find = async (key: string) => {
    const status = await look(options, key);
    return status && statusOf(status);
  };
  return {
    name: "command",
    start: async (key, spec) => statusOf(await startWorker(options, options, { key, spec })),
    find,
    list: async () => (await lookAtAll(options)).map(statusOf),
    async stop(key, graceMs) {
      const status = await look(options, key);
      if (status && isLive(status)) await stopWorker(options, status, graceMs);
      return find(key);
    },
    async screen(key) {
      const status = await look(options, key);
      return status ? screenOf(lastOutput(terminalOf(key), REPLAYED_BYTES), status.size) : [];
    },
    async log(key, lastBytes) {
      const text = Buffer.from(plainText(lastOutput(terminalOf(key), lastBytes * 2 + CODES_BYTES)));
      return plainText(text.subarray(Math.max(0, text.length - lastBytes)));
    },
    watch: (changed) => watchFleet(options, changed),
    async forget(key) {
      const status = await look(options, key);
      if (status && isLive(status)) {
        throw new LoopError("worker_unavailable", `The worker ${status.name} still runs, so its folder stays. Stop it first.`, { facts: { key } });
      }
      if (status) await away(options, placesOf(options, key));
    },
  };
}

/** Tells the supervisor; one that does not do it is ended with its worker. */
async function stopWorker(fleet: Fleet, { key, supervisor, leader, mark }: StatusFile, graceMs: number): Promise<void> {
  const { stop } = placesOf(fleet, key);
  writeFileSync(`${stop}.${process.pid}`, JSON.stringify({ graceMs }), { mode: 0o600 });
  renameSync(`${stop}.${process.pid}`, stop);
  if (await isThere(supervisor)) process.kill(supervisor.processId, "SIGTERM");
  for (const deadline = performance.now() + graceMs + SAID_WITHIN_MS; performance.now() < deadline; await pause(LOOK_EVERY_MS)) {
    const now = await look(fleet, key);
    if (now === undefined || !isLive(now)) return;
  }
  if (leader) await endByForce({ leader, mark });
  if (await isThere(supervisor)) sendKill(supervisor.processId);
  while ((await isThere(supervisor)) && (await pause(LOOK_EVERY_MS, true)));
}
