import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { access, mkdir, rename, rm, stat } from "node:fs/promises";
import { extname, isAbsolute, join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { WorkerSpec } from "#src/acts/ports/worker-port.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { killMarked } from "#src/processes/marked-processes.ts";
import { sendKill } from "#src/processes/process-group.ts";
import { type Fleet, look, placesOf } from "./fleet.ts";
import { howToInstall } from "./install-lines.ts";
import { placesIn, type WorkerPlaces } from "./places.ts";
import { markOf, type StatusFile, writeStatus } from "./status-file.ts";
import type { SupervisorOrder, SupervisorWord } from "./supervisor-order.ts";
import { MARK } from "./worker-tree.ts";

const SUPERVISOR = fileURLToPath(new URL(`./supervisor-child${extname(import.meta.filename)}`, import.meta.url));
/** It reads and writes a few files: a small heap is enough. */
const NODE_OPTIONS = ["--max-old-space-size=48", "--max-semi-space-size=1", "--v8-pool-size=0", "--no-warnings"];
const SUPERVISOR_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 10;

export interface StartOptions {
  readonly host: string;
  readonly sandbox: () => Promise<SandboxPort>;
  /** Absolute; what every worker is shown to read. */
  readonly readable: readonly string[];
}

/** @throws LoopError worker_unavailable | sandbox_unavailable */
export async function startWorker(
  fleet: Fleet,
  options: StartOptions,
  { key, spec }: { readonly key: string; readonly spec: WorkerSpec },
): Promise<StatusFile> {
  const places = placesOf(fleet, key);
  const before = await look(fleet, key);
  if (before) return begun(fleet, key);
  const order = await orderFor(fleet, options, { key, spec });
  if (!(await takeKey(fleet, places, order.status))) return begun(fleet, key);
  try {
    await runSupervisor(places, order);
  } catch (error) {
    await away(fleet, places);
    throw error;
  }
  return begun(fleet, key);
}

/** Waits until somebody's start under this key has led to something. */
async function begun(fleet: Fleet, key: string): Promise<StatusFile> {
  for (let waitedMs = 0; waitedMs < SUPERVISOR_WITHIN_MS; waitedMs += LOOK_EVERY_MS) {
    const status = await look(fleet, key);
    if (status === undefined) throw new LoopError("worker_unavailable", `The worker ${key} could not be started. Start it again.`, { facts: { key } });
    if (status.state !== "starting") return status;
    await pause(LOOK_EVERY_MS);
  }
  throw new LoopError("worker_unavailable", `The worker ${key} did not begin within ${SUPERVISOR_WITHIN_MS / 1_000} s. Look again later.`, { facts: { key } });
}

async function orderFor(
  { clock }: Fleet,
  { host, sandbox: sandboxOf, readable }: StartOptions,
  { key, spec }: { key: string; spec: WorkerSpec },
): Promise<SupervisorOrder> {
  const { name, cwd, network, size } = spec;
  await requireProgram(spec);
  const writable = await madeReady(spec.writable);
  const sandbox = await sandboxOf();
  const mark = randomBytes(16).toString("hex");
  const env = { ...spec.env, [MARK]: mark };
  const wrapped = await sandbox.wrap({ argv: spec.argv, cwd, writable, readable: [...readable, ...spec.readable], env, network });
  const status: StatusFile = {
    key,
    name,
    host,
    state: "starting",
    supervisor: await markOf(process.pid),
    leader: null,
    mark: `${MARK}=${mark}`,
    exitCode: null,
    signal: null,
    startedAtMs: clock.nowMs(),
    endedAtMs: null,
    sandbox: sandbox.name,
    size,
  };
  return { argv: wrapped.argv, cwd, env: wrapped.env, mark: status.mark, isHolder: wrapped.isHolder, status };
}

/** Those that are there: a folder that is missing is made, such as the place where a program keeps its log-in before it was ever used; a file is left out. */
async function madeReady(writable: readonly string[]): Promise<readonly string[]> {
  for (const place of writable) if (extname(place) === "") await mkdir(place, { recursive: true, mode: 0o700 });
  return writable.filter((place) => existsSync(place));
}

/** A terminal would only print that the program is not there; whoever starts it is to know. @throws LoopError worker_unavailable */
async function requireProgram({ argv: [program], cwd, env }: WorkerSpec): Promise<void> {
  const folders = program.includes("/") ? [cwd] : (env["PATH"] ?? "").split(":").filter(isAbsolute);
  for (const folder of folders) if (await isProgram(isAbsolute(program) ? program : join(folder, program))) return;
  const where = program.includes("/") ? "" : ` (looked in ${folders.join(":") || "no folder: PATH is empty"})`;
  throw new LoopError("worker_unavailable", `The program ${program} of the worker is not here, or cannot be run${where}. ${howToInstall(program)}`, {
    facts: { program },
  });
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false; // whatever keeps us from seeing it would keep us from starting it
  }
}

/** One of those who try at the same moment gets it: the folder comes into its place whole. */
async function takeKey({ folder }: Fleet, places: WorkerPlaces, status: StatusFile): Promise<boolean> {
  const mine = placesIn(join(folder, `.new-${randomUUID()}`));
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(mine.folder, { mode: 0o700 });
    writeStatus(mine.status, status);
    await rename(mine.folder, places.folder);
    return true;
  } catch (cause) {
    await rm(mine.folder, { recursive: true, force: true });
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw new LoopError("worker_unavailable", `The worker cannot be started: its folder cannot be made (${message}).`, { cause });
  }
}

/** Takes it away so that nobody sees half of it. */
export async function away({ folder }: Fleet, places: WorkerPlaces): Promise<void> {
  const gone = join(folder, `.gone-${randomUUID()}`);
  try {
    await rename(places.folder, gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // it is away
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}

/** Gives back when the worker runs. The environment goes through a pipe; the supervisor has none of its own. */
async function runSupervisor(places: WorkerPlaces, order: SupervisorOrder): Promise<void> {
  const trouble = openSync(places.trouble, "a", 0o600);
  const argv = [...NODE_OPTIONS, SUPERVISOR, places.folder];
  const supervisor = spawn(process.execPath, argv, { detached: true, cwd: "/", env: {}, stdio: ["pipe", "pipe", trouble] });
  closeSync(trouble);
  supervisor.on("error", () => undefined); // then it has no number, which is asked below
  supervisor.stdin!.on("error", () => undefined); // it is gone before it read everything: its output ends too
  supervisor.stdin!.end(JSON.stringify(order));
  const said = await Promise.race([firstLine(supervisor.stdout!), pause(SUPERVISOR_WITHIN_MS, "", { ref: false })]);
  supervisor.stdout!.destroy();
  supervisor.unref();
  const word = said === "" ? undefined : (JSON.parse(said) as SupervisorWord);
  if (word && "running" in word) return;
  if (supervisor.pid !== undefined) sendKill(supervisor.pid);
  await killMarked(order.mark);
  const why = word?.failed ?? `its supervisor ${supervisor.pid === undefined ? "could not be started" : `broke (see ${places.trouble})`}`;
  throw new LoopError("worker_unavailable", `The worker could not be started: ${why}.`);
}

/** Empty where it ends without one. */
async function firstLine(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    text += String(chunk);
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  return "";
}
