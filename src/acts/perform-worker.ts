import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { z } from "zod";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createTurns } from "#src/kernel/turns.ts";
import { PRESETS } from "#src/workspace/manifest/command.ts";
import type { Act } from "./act.ts";
import type { Performed, Performer, Situation } from "./performer.ts";
import type { WorkerPort, WorkerSpec, WorkerStatus } from "./ports/worker-port.ts";
import { readArgs } from "./read-args.ts";
import { commandLine, KNOWN_PROGRAMS } from "./worker-presets.ts";

/** Arguments of an act that starts a worker: all that a person who approves it has to see. */
export const workerArgs = z.strictObject({
  worker: z.string(),
  preset: z.enum(PRESETS),
  /** In place of the command line of the preset; null: that one. */
  command: z.string().nullable(),
  prompt: z.string().min(1),
  /** Null: a folder of its own. */
  folder: z.string().nullable(),
  writable: z.array(z.string()),
  /** Null: those of the preset. */
  homeFolders: z.array(z.string()).nullable(),
  /** Values, and references to secrets, which are looked up when it starts. */
  env: z.record(z.string(), z.string()),
  network: z.boolean(),
  columns: z.int(),
  rows: z.int(),
});
export type WorkerArgs = z.infer<typeof workerArgs>;

/** Where a worker finds things. All absolute. */
export interface WorkerPlaces {
  /** Of the account: programs keep their log-ins there. */
  readonly osHome: string;
  /** PATH of the worker. */
  readonly searchPath: string;
  /** The program `loop`. */
  readonly bin: string;
  /** Of the server. */
  readonly socket: string;
  readonly prompts: string;
  /** Folders of workers that were given none. */
  readonly folders: string;
  readonly workspace: string;
  readonly reports: string;
}

export interface WorkerWorld {
  /** This machine and home, by which whoever watches its workers knows them. */
  readonly host: string;
  /** Undefined: no worker can be started here. */
  readonly port: WorkerPort | undefined;
  readonly places: WorkerPlaces;
  /** What the workspace in force says. */
  readonly limits: () => Promise<{ readonly most: number; readonly confined: boolean }>;
  /** Undefined: it is not on the PATH. */
  readonly findProgram: (name: string) => Promise<string | undefined>;
  readonly secret: (reference: string) => Promise<string>;
  /** A credential for one worker alone. */
  readonly token: (of: Pick<Situation, "agent" | "runId"> & { readonly worker: string }) => Promise<string>;
  /** What every worker is told before its prompt. */
  readonly contract: { readonly version: number; readonly text: (worker: string) => string };
}

/** What an act that started a worker waits for; kept on the act. */
export interface WorkerWait {
  /** The key of the worker: the act's. */
  readonly workerKey: string;
  readonly host: string;
  readonly startedAtMs: number;
  readonly lastOutputAtMs: number;
  /** Put here by whoever watches the process. */
  readonly ended?: WorkerEnd;
  /** Somebody wants it ended; `self`: the worker itself, since it is done. */
  readonly stop?: { readonly by: string; readonly reason: string; readonly self?: true };
}

/** How a worker ended. */
export interface WorkerEnd {
  readonly state: "exited" | "killed" | "lost";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly endedAtMs: number;
  /** The end of what it printed, without secrets that are known. */
  readonly lastLines: string;
}

/**
 * Acts of kind `worker`: a program is started under the key of the act and goes on by itself; its end is put on the act by whoever watches it. Safe to repeat: the key
 * finds what was started before. Where it cannot be said who lives, nobody is started.
 */
export function workerPerformer(world: WorkerWorld): Performer {
  const oneAtATime = createTurns(1); // two that count at once would both find the last place
  return {
    check: (act) => void readArgs(workerArgs, act),
    async perform(act, situation) {
      const { port } = world;
      if (!port) return refused("No workers can be started here: this server has no place for them.");
      const leave = await oneAtATime.take(situation.signal);
      try {
        const full = await fleetProblem(port, act.key, (await world.limits()).most);
        if (full) return refused(full);
        return running(world, act, await port.start(act.key, await specOf(world, act, situation)));
      } catch (error) {
        if (error instanceof LoopError && error.code === "worker_unavailable") return refused(error.message);
        throw error;
      } finally {
        leave();
      }
    },
    async find(act) {
      const found = await world.port?.find(act.key);
      return found && running(world, act, found);
    },
  };
}

const refused = (message: string): Performed => ({ kind: "failed", error: { code: "worker_unavailable", message } });

/** @throws LoopError worker_unavailable when it cannot be said who lives */
async function fleetProblem(port: WorkerPort, key: string, most: number): Promise<string | undefined> {
  const all = await port.list();
  if (all.some((worker) => worker.key === key)) return undefined; // it was started before
  const living = all.filter(isAlive);
  if (living.length < most) return undefined;
  const names = living.map(({ name }) => name).join(", ");
  return `The fleet is full: ${living.length} of ${most} workers run (${names}). Wait for one to end, end one with \`loop _ kill <worker>\`, or raise workers.most in loop.yaml.`;
}

export const isAlive = ({ state }: Pick<WorkerStatus, "state">): boolean => state === "starting" || state === "running";

function running({ host, contract, places }: WorkerWorld, act: Act, status: WorkerStatus): Performed {
  const args = readArgs(workerArgs, act);
  const { startedAtMs, lastOutputAtMs, sandbox } = status;
  const wait: WorkerWait = { workerKey: act.key, host, startedAtMs, lastOutputAtMs };
  return {
    kind: "running",
    handle: wait as unknown as Json,
    result: { host, sandbox, startedAtMs, folder: folderOf(places, args), contract: contract.version },
  };
}

async function specOf(world: WorkerWorld, act: Act, situation: Situation): Promise<WorkerSpec> {
  const args = readArgs(workerArgs, act);
  const { places, contract } = world;
  const { confined } = await world.limits();
  const known = args.preset === "custom" ? undefined : KNOWN_PROGRAMS[args.preset];
  if (known && args.command === null && (await world.findProgram(known.program)) === undefined) {
    throw new LoopError("worker_unavailable", `The program ${known.program} is not on the PATH of the server. Install it: ${known.install}`, {
      facts: { program: known.program },
    });
  }
  const promptFile = join(places.prompts, `${act.key}.md`);
  await writeWhole(promptFile, `${contract.text(args.worker)}\n\n${args.prompt.trimEnd()}\n`);
  const cwd = folderOf(places, args);
  await mkdir(cwd, { recursive: true, mode: 0o700 });
  await mkdir(places.reports, { recursive: true });
  const homeFolders = await inHome(places, args.homeFolders ?? known?.homeFolders ?? []);
  return {
    name: args.worker,
    argv: ["/bin/sh", "-c", commandLine(args.command ?? known!.run(confined), promptFile)],
    cwd,
    env: await environmentOf(world, args, situation),
    writable: [...args.writable, ...homeFolders, places.reports],
    readable: [promptFile],
    network: args.network,
    size: { columns: args.columns, rows: args.rows },
  };
}

/** Folders that are missing are made, so that a program can keep its log-in from the first start; a file that is missing stays so. */
async function inHome({ osHome }: WorkerPlaces, names: readonly string[]): Promise<string[]> {
  const found = names.map(async (name) => {
    const place = join(osHome, name);
    if (extname(name) === "") await mkdir(place, { recursive: true, mode: 0o700 });
    return realpath(place).catch(() => undefined);
  });
  return (await Promise.all(found)).filter((place) => place !== undefined);
}

const folderOf = ({ folders }: WorkerPlaces, { folder, worker }: WorkerArgs): string => folder ?? join(folders, worker);

async function environmentOf(world: WorkerWorld, args: WorkerArgs, { agent, runId }: Situation): Promise<Record<string, string>> {
  const { places } = world;
  const own = await Promise.all(
    Object.entries(args.env).map(async ([name, value]) => [name, value.startsWith("secret:") ? await world.secret(value) : value] as const),
  );
  return {
    PATH: places.searchPath,
    HOME: places.osHome,
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
    ...Object.fromEntries(own),
    LOOP_BIN: places.bin,
    LOOP_WORKSPACE: places.workspace,
    LOOP_DATA_DIR: places.workspace,
    LOOP_REPORTS_DIR: places.reports,
    LOOP_SESSION_ID: args.worker,
    LOOP_SOCKET: places.socket,
    LOOP_TOKEN: await world.token({ agent, runId, worker: args.worker }),
  };
}

async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, text, { mode: 0o600 });
}
