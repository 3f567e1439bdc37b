import type { WorkerPort, WorkerSpec, WorkerStatus } from "#src/acts/ports/worker-port.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { heldClock } from "./held-clock.ts";

/** Workers without a process: the test says what each of them does. A key that was never started makes every one of these throw. */
export interface ScriptedWorkers extends WorkerPort {
  /** Every start that made a worker, oldest first. */
  readonly started: readonly { readonly key: string; readonly spec: WorkerSpec }[];
  /** It prints this; a line ends with `\n`. */
  print(key: string, text: string): void;
  /** It ends by itself. */
  exit(key: string, exitCode: number): void;
  /** A signal ends it, such as SIGSEGV. */
  die(key: string, signal: string): void;
  /** Its supervisor is gone, and it with it. */
  lose(key: string): void;
  /** From now on it does not end when asked, only by force. */
  hang(key: string): void;
  /** From now on nobody can say who lives; null mends it. */
  failWith(error: LoopError | null): void;
}

interface ScriptedWorker {
  readonly spec: WorkerSpec;
  status: WorkerStatus;
  output: string;
  hangs: boolean;
}

const RUNS: readonly WorkerStatus["state"][] = ["starting", "running"];

/** `missing`: programs that are not there. `clock` dates the starts, the output and the ends. */
export function scriptedWorkers({ clock = heldClock(), missing = [] }: { clock?: Clock; missing?: readonly string[] } = {}): ScriptedWorkers {
  const stage = makeStage(clock);
  let trouble: LoopError | null = null;
  const open = async (): Promise<Map<string, ScriptedWorker>> => {
    if (trouble) throw trouble;
    return stage.workers;
  };
  return {
    name: "scripted",
    ...script(stage, clock),
    failWith: (error) => void (trouble = error),
    async start(key, spec) {
      const workers = await open();
      const before = workers.get(key);
      if (before) return before.status;
      const [program] = spec.argv;
      if (missing.includes(program)) throw new LoopError("worker_unavailable", `The program ${program} is not there. Install it.`, { facts: { program } });
      const status = newStatus({ key, name: spec.name, pid: 1_000 + workers.size, nowMs: clock.nowMs() });
      workers.set(key, { spec, status, output: "", hangs: false });
      stage.started.push({ key, spec });
      stage.tell(key);
      return status;
    },
    find: async (key) => (await open()).get(key)?.status,
    list: async () => [...(await open()).values()].map(({ status }) => status),
    async stop(key) {
      const worker = (await open()).get(key);
      if (worker) stage.end(key, { state: "killed", exitCode: null, signal: worker.hangs ? "SIGKILL" : "SIGTERM" });
      return worker?.status;
    },
    screen: async (key) => lastLines(stage.workers.get(key)),
    log: async (key, lastBytes) => new TextDecoder().decode(new TextEncoder().encode(stage.workers.get(key)?.output ?? "").slice(-lastBytes)),
    watch(changed) {
      stage.watching.add(changed);
      return () => void stage.watching.delete(changed);
    },
    async forget(key) {
      const worker = stage.workers.get(key);
      if (worker && RUNS.includes(worker.status.state)) throw new LoopError("worker_unavailable", `The worker ${key} still runs. Stop it first.`);
      stage.workers.delete(key);
    },
  };
}

function makeStage(clock: Clock) {
  const workers = new Map<string, ScriptedWorker>();
  const watching = new Set<(key: string) => void>();
  const started: { key: string; spec: WorkerSpec }[] = [];
  const tell = (key: string): void => watching.forEach((changed) => changed(key));
  const require = (key: string): ScriptedWorker => {
    const worker = workers.get(key);
    if (!worker) throw new Error(`no worker was started under ${key}`);
    return worker;
  };
  const end = (key: string, how: Pick<WorkerStatus, "state" | "exitCode" | "signal">): void => {
    const worker = require(key);
    if (!RUNS.includes(worker.status.state)) return;
    worker.status = { ...worker.status, ...how, endedAtMs: clock.nowMs() };
    tell(key);
  };
  return { workers, watching, started, tell, require, end };
}

type Script = Pick<ScriptedWorkers, "started" | "print" | "exit" | "die" | "lose" | "hang">;

const script = (stage: ReturnType<typeof makeStage>, clock: Clock): Script => ({
  started: stage.started,
  print(key, text) {
    const worker = stage.require(key);
    worker.output += text;
    worker.status = { ...worker.status, lastOutputAtMs: clock.nowMs() };
  },
  exit: (key, exitCode) => stage.end(key, { state: "exited", exitCode, signal: null }),
  die: (key, signal) => stage.end(key, { state: "killed", exitCode: null, signal }),
  lose: (key) => stage.end(key, { state: "lost", exitCode: null, signal: null }),
  hang: (key) => void (stage.require(key).hangs = true),
});

const newStatus = ({ key, name, pid, nowMs }: { key: string; name: string; pid: number; nowMs: number }): WorkerStatus => ({
  key,
  host: "here",
  pid,
  name,
  state: "running",
  exitCode: null,
  signal: null,
  startedAtMs: nowMs,
  lastOutputAtMs: nowMs,
  endedAtMs: null,
  sandbox: "none",
});

function lastLines(worker: ScriptedWorker | undefined): readonly string[] {
  if (!worker || worker.output === "") return [];
  const lines = worker.output.replace(/\n$/, "").split("\n");
  return lines.slice(-worker.spec.size.rows);
}
