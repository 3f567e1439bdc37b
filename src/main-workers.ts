import { rm } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { dirname, join, normalize } from "node:path";
import type { WorkerWorld } from "#src/acts/perform-worker.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import { findProgram } from "#src/adapters/sandbox-bwrap/find-program.ts";
import { createCommandWorkers } from "#src/adapters/worker-command/workers.ts";
import type { Home } from "#src/database/home.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import { workerToken } from "#src/people/worker-token.ts";
import { keepWorkers } from "#src/pulse/workers/keeper.ts";
import type { Secrets } from "#src/secrets/secrets.ts";
import type { Environment } from "#src/settings/read.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";

/** What lies around the workers of a home. */
export interface WorkerWorldOf {
  readonly home: Pick<Home, "folder" | "socket">;
  readonly clock: Clock;
  readonly workspaceFolder: string;
  /** Knows what workers must not be shown to print. */
  readonly redactor: Pick<Redactor, "redact">;
  /** In force now. */
  readonly sandbox: () => Promise<SandboxPort>;
}

/** Workers of this host. Each is shown the workspace, the program `loop` with what it needs, and the folder of the socket, so that it can speak with any server of this home. */
export function workersOf({ home, clock, workspaceFolder, sandbox, redactor }: WorkerWorldOf): WorkerPort {
  const port = createCommandWorkers({
    folder: join(home.folder, "workers"),
    clock,
    host: hostname(),
    sandbox,
    readable: [...PROGRAM, workspaceFolder, dirname(home.socket)],
  });
  const shown = [promptsIn(home), foldersIn(home), dirname(home.socket), workspaceFolder];
  return sayingNoSecrets(keepingOwnPlaces(port, { own: home.folder, shown }), { redactor, prompts: promptsIn(home) });
}

/** A file of an agent may name any folder of the machine, but none of the server's own: its keys, credentials, database and other workers. */
function keepingOwnPlaces(port: WorkerPort, { own, shown }: { readonly own: string; readonly shown: readonly string[] }): WorkerPort {
  return {
    ...port,
    async start(key, spec) {
      const places = [spec.cwd, ...spec.writable, ...spec.readable].map((place) => normalize(place));
      const taken = places.find((place) => isWithin(place, own) && !shown.some((folder) => isWithin(place, folder)));
      if (taken === undefined) return port.start(key, spec);
      throw new LoopError("worker_unavailable", `The worker ${spec.name} was given ${taken}, which is the server's own. Give it a folder outside ${own}.`, {
        facts: { folder: taken },
      });
    },
  };
}

const isWithin = (place: string, folder: string): boolean => place === folder || place.startsWith(`${folder}/`);

/** Of the checkout, or of the installed package; `dist/` and `src/` both lie in it. */
export const PROGRAM_FOLDER = dirname(import.meta.dirname);

const INSTALLED = "/node_modules/";

/** Packages that ours needs may lie beside it. */
const PROGRAM: readonly string[] = [
  PROGRAM_FOLDER.includes(INSTALLED) ? PROGRAM_FOLDER.slice(0, PROGRAM_FOLDER.indexOf(INSTALLED) + INSTALLED.length - 1) : PROGRAM_FOLDER,
  process.execPath,
];

const promptsIn = ({ folder }: Pick<Home, "folder">): string => join(folder, "prompts");
const foldersIn = ({ folder }: Pick<Home, "folder">): string => join(folder, "worker-folders");

/** What the starts and the watching of workers need of the server. */
export interface WorkerParts {
  readonly home: Pick<Home, "folder" | "id" | "socket">;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly record: { readonly db: Db };
  readonly secrets: Pick<Secrets, "resolve">;
  readonly workspaces: WorkspaceView;
  readonly workspaceFolder: string;
  readonly workers: WorkerPort;
}

/** This machine and home: another home of this machine has workers of its own. */
const hostOf = ({ home }: WorkerParts): string => `${hostname()} ${home.id}`;

/** For the acts that start workers. */
export function workerWorldOf(parts: WorkerParts): Omit<WorkerWorld, "contract"> {
  const { home, env, clock, record, secrets, workspaces, workspaceFolder, workers } = parts;
  const searchPath = env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  return {
    host: hostOf(parts),
    port: workers,
    places: {
      osHome: homedir(),
      searchPath,
      bin: join(PROGRAM_FOLDER, "bin", "loop"),
      socket: home.socket,
      prompts: promptsIn(home),
      folders: foldersIn(home),
      workspace: workspaceFolder,
      reports: join(workspaceFolder, "reports"),
    },
    limits: async () => {
      const { manifest } = (await workspaces.current()).workspace;
      return { most: manifest.workers.most, confined: manifest.sandbox === "required" };
    },
    findProgram: async (name) => (await findProgram(name, searchPath)) ?? undefined,
    secret: (reference) => secrets.resolve(reference),
    token: (of) => workerToken(record.db, clock, of),
  };
}

/** Watches the workers of this host, and brings what becomes of them into the record. Gives the way to stop. */
export function watchWorkers(parts: WorkerParts, changed: () => void): () => Promise<void> {
  const { clock, log, redactor, record, workers } = parts;
  return keepWorkers({ db: record.db, clock, log, redactor, port: workers, host: hostOf(parts), changed }).stop;
}

/** The same workers, but for known secrets in what they print; what they were asked for is forgotten with them. */
function sayingNoSecrets(port: WorkerPort, { redactor, prompts }: { readonly redactor: Pick<Redactor, "redact">; readonly prompts: string }): WorkerPort {
  return {
    ...port,
    forget: async (key) => {
      await port.forget(key);
      await rm(join(prompts, `${key}.md`), { force: true });
    },
    log: async (key, lastBytes) => redactor.redact(await port.log(key, lastBytes)),
    screen: async (key) => (await port.screen(key)).map((line) => redactor.redact(line)),
  };
}
