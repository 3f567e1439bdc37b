/** What a worker is started with. */
export interface WorkerSpec {
  /** The name that whoever started it gave it; shown, and no more. */
  readonly name: string;
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment of the worker, its own credential too: nothing is inherited, and none of it stands on a command line or in a file. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; folders and files that it may write beside its `cwd`. A folder that is missing is made; a file that is (its name has an ending) is left out. */
  readonly writable: readonly string[];
  /** Absolute; what it is shown to read where the sandbox hides what lies around it. */
  readonly readable: readonly string[];
  /** Whether the whole network is there for it. */
  readonly network: boolean;
  /** Characters of its terminal. */
  readonly size: { readonly columns: number; readonly rows: number };
}

/** Where a worker lives; kept in the record, so that any later server of the host finds it again. */
export interface WorkerHandle {
  readonly key: string;
  readonly host: string;
  /** Of the supervisor. */
  readonly pid: number;
}

/** How a worker is, as its supervisor says. */
export interface WorkerStatus extends WorkerHandle {
  readonly name: string;
  /** starting: no process yet. killed: a signal ended it, or `stop` did (then it may have a code). lost: the supervisor died before it could say how the worker ended; nothing of it runs any more. */
  readonly state: "starting" | "running" | "exited" | "killed" | "lost";
  /** Null while it runs, and where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly startedAtMs: number;
  /** When it last printed something. */
  readonly lastOutputAtMs: number;
  readonly endedAtMs: number | null;
  readonly sandbox: string;
}

/**
 * Processes of coding agents and commands on this host, each under a supervisor that outlives the server. Everything about them stands with the supervisor:
 * a server that starts again finds them all.
 */
export interface WorkerPort {
  readonly name: string;
  /**
   * Starts a worker under this key, or gives the one that was started under it before. Returns once its process runs or could not be made.
   * @throws LoopError worker_unavailable for a program that is missing (with the way to install it), sandbox_unavailable
   */
  start(key: string, spec: WorkerSpec): Promise<WorkerStatus>;
  /** The one of this key, ended ones too; undefined: it was never started here. */
  find(key: string): Promise<WorkerStatus | undefined>;
  /** All that were not forgotten. @throws LoopError worker_unavailable when it cannot be said who lives: then nobody may be started */
  list(): Promise<readonly WorkerStatus[]>;
  /** Ends it with all that it started: asked first, then by force. Gives how it ended. Safe to repeat. */
  stop(key: string, graceMs: number): Promise<WorkerStatus | undefined>;
  /** What its terminal shows now, a line each, without colours; empty when it never printed. */
  screen(key: string): Promise<readonly string[]>;
  /** The last bytes of all that it printed, as text without the codes that steer a terminal. */
  log(key: string, lastBytes: number): Promise<string>;
  /** Calls back when some worker began, ended, or its state is worth another look. Gives the way to stop. */
  watch(changed: (key: string) => void): () => void;
  /** Removes what is left of an ended one. Safe to repeat. @throws LoopError worker_unavailable for one that runs */
  forget(key: string): Promise<void>;
}
