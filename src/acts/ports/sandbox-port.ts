/** Runs one command apart from the machine: read-only file system but for the named folders, no network, its own processes, no inherited environment. */
export interface SandboxPort {
  readonly name: string;
  /** Whether commands can run here; when not, why and what to do about it. Cheap after the first call. */
  available(): Promise<{ readonly ok: true } | { readonly ok: false; readonly why: string }>;
  /** Never throws for what the command does. The whole process tree is gone when it returns. @throws LoopError sandbox_unavailable */
  run(command: SandboxCommand, signal: AbortSignal): Promise<SandboxResult>;
}

export interface SandboxCommand {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute; writable inside the sandbox, as is everything in `writable`. */
  readonly cwd: string;
  readonly writable: readonly string[];
  /** The whole environment of the command: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Per stream; what is beyond is cut and `truncated` is true. */
  readonly maxOutputBytes: number;
}

export interface SandboxResult {
  /** Null when a signal or the time limit ended it. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}
