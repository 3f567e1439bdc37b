import { join } from "node:path";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import type { LoopDeps } from "#src/pulse/contract/verb.ts";
import type { Db } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { ensureAgentPrincipal } from "#src/people/agent-principal.ts";
import { createToken } from "#src/people/token.ts";
import type { Caller } from "#src/people/principal.ts";
import { workerToken } from "#src/people/worker-token.ts";
import { type Keeper, keepWorkers } from "#src/pulse/workers/keeper.ts";
import type { Engine } from "#src/runs/engine.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { drain, testEngine } from "./engine.ts";
import { silentLog } from "./silent-log.ts";
import { filesOf } from "./workspace-files.ts";

const HEADER = "apiVersion: loopwright.dev/v1";

/** A workspace with one agent that starts a program. */
export const workerWorkspace = (more: Readonly<Record<string, string>> = {}): FileSet =>
  filesOf({
    "loop.yaml": `${HEADER}\nkind: Workspace\nname: works\nworkers: { most: 3 }\n`,
    "agents/coder.yaml": `${HEADER}\nkind: Agent\nname: coder\nrunner: command\ncommand: { preset: custom, run: "agent {{prompt_file}}", env: { COLOUR: red, KEY: "secret:agent-key" } }\n`,
    ...more,
  });

export interface WorkerStage {
  readonly engine: Engine;
  readonly deps: LoopDeps;
  /** The root agent. */
  readonly root: Caller;
  /** Looks at the workers once. */
  look(): Promise<void>;
  /** Moves runs and looks at workers until nothing comes of it. */
  settle(): Promise<void>;
  /** Ends the looking. */
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly db: Db;
  /** Absolute; prompts and folders of workers are made below it. */
  readonly folder: string;
  readonly files?: FileSet;
  /** The checks of workers run in it. */
  readonly sandbox?: SandboxPort;
  readonly port: WorkerPort;
  /** False: nobody looks at the workers before `look`. */
  readonly looks?: boolean;
}

/** Scripted workers with the engine that starts them and the keeper that watches them. Runs move by `settle`, and by each hint that a verb gives. */
export async function workerStage({ db, folder, files = workerWorkspace(), sandbox, port, looks = true }: StageOptions): Promise<WorkerStage> {
  const clock = systemClock;
  const engine = await testEngine({ db, clock, files, ...(sandbox ? { sandbox } : {}), workers: workersOf({ db, folder, port }) });
  const lookers = new Set<() => void>();
  const tell = (): void => lookers.forEach((look) => look());
  const keep = (): Keeper => keepWorkers({ db, clock, log: silentLog, port, host: "here", redactor: createRedactor(), changed: tell });
  let keeper = looks ? keep() : undefined;
  const look = (): Promise<void> => (keeper ??= keep()).look();
  const settle = async (): Promise<void> => {
    do await look();
    while ((await drain(engine)) > 0);
    tell();
  };
  const deps: LoopDeps = {
    ...engine,
    workers: port,
    changed: () => void drain(engine).then(tell, () => undefined),
    onChange: (look) => {
      lookers.add(look);
      return () => lookers.delete(look);
    },
  };
  return { engine, deps, root: await rootCaller(db), look, settle, stop: async () => keeper?.stop() };
}

/** Where a test engine starts its workers. */
export function workersOf({ db, folder, port }: { readonly db: Db; readonly folder: string; readonly port: WorkerPort }) {
  const clock = systemClock;
  return {
    host: "here",
    port,
    places: {
      osHome: "/home/nobody",
      searchPath: "/usr/bin:/bin",
      bin: "/opt/loop/bin/loop",
      socket: join(folder, "socket", "loop.sock"),
      prompts: join(folder, "prompts"),
      folders: join(folder, "workers"),
      workspace: join(folder, "workspace"),
      reports: join(folder, "workspace", "reports"),
    },
    limits: async () => ({ most: 3, confined: true }),
    findProgram: async (name: string) => (name === "claude" ? undefined : `/usr/bin/${name}`),
    secret: async (reference: string) => `value of ${reference}`,
    token: (of: { readonly agent: string; readonly runId: RunId; readonly worker: string }) => workerToken(db, clock, of),
  };
}

async function rootCaller(db: Db): Promise<Caller> {
  const principal = await ensureAgentPrincipal(db, systemClock, { name: "root", role: "agent" });
  const scopes = ["read", "pulse:steer", "pulse:work"] as const;
  const { token } = await createToken(db, systemClock, { principal, label: "test", scopes, validForMs: null, by: "system" });
  return { ...principal, tokenId: token.id as Caller["tokenId"], scopes, runId: null };
}
