import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import { killPostgres } from "../server/run-server.ts";
import { findProcesses, isRunning, type ServerProcess } from "../server/server-file.ts";
import { endWorkers, goingOn, type LeftWorker, leftWorkers } from "../server/left-workers.ts";
import type { Context, Verb } from "../verb.ts";

const GONE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

export const serverDown: Verb = {
  args: "",
  flags: {
    force: { means: "do not wait: end it at once, as a power failure would; nothing recorded is lost" },
    "keep-workers": { means: "leave the workers running; the next start takes them up again" },
  },
  words: { least: 0, most: 0 },
  examples: ["loop down"],
  about:
    "Processes of this home on this machine: those that only work are stopped before the one that answers, whose Postgres they use. Then its workers are ended: asked first, by force after 5 s.",
  async run(given, context) {
    const homeFolder = context.homeFolder();
    const isForced = given.has("force");
    const processes = findProcesses(homeFolder).toSorted((a, b) => Number(a.url !== "") - Number(b.url !== ""));
    for (const server of processes) await stop(server, isForced);
    if (isForced) killPostgres(homeFolder);
    const workers = leftWorkers(homeFolder);
    const left = given.has("keep-workers") ? workers : await endWorkers(workers);
    const ids = processes.map(({ processId }) => processId);
    if (context.json) context.print(JSON.stringify({ stopped: ids, workers: { ended: namesOf(workers, left), left: left.map(({ name }) => name) } }));
    else sayEnded(context, namesOf(workers, left));
    if (context.json) return;
    if (ids.length === 0) context.print(`No server runs for the home ${homeFolder}.`);
    else context.print(`Stopped (process ${ids.join(", ")}). What is open goes on at the next start.\nloop: pulse stopped`);
    if (left.length > 0) context.print(goingOn(left));
  },
};

const namesOf = (workers: readonly LeftWorker[], left: readonly LeftWorker[]): string[] =>
  workers.filter((worker) => !left.includes(worker)).map(({ name }) => name);

function sayEnded({ print }: Context, ended: readonly string[]): void {
  if (ended.length > 0) print(`loop: stopped ${ended.length} ${ended.length === 1 ? "worker" : "workers"} (${ended.join(", ")})`);
}

async function stop(server: ServerProcess, isForced: boolean): Promise<void> {
  signal(server, isForced ? "SIGKILL" : "SIGTERM");
  if (await isGone(server)) return;
  throw new LoopError(
    "home_in_use",
    `The process ${server.processId} is still there after ${GONE_WITHIN_MS / 1_000} s: something that it does takes long. Wait, or end it with \`loop down --force\`.`,
  );
}

function signal({ processId }: ServerProcess, name: NodeJS.Signals): void {
  try {
    process.kill(processId, name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return; // gone by itself
    throw new LoopError("permission_missing", `This account may not stop the server (process ${processId}). Run it as the account that started the server.`, {
      cause,
    });
  }
}

async function isGone(server: ServerProcess): Promise<boolean> {
  for (const deadline = performance.now() + GONE_WITHIN_MS; performance.now() < deadline; await pause(LOOK_EVERY_MS)) if (!isRunning(server)) return true;
  return false;
}
