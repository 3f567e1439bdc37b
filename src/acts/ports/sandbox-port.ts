import type { Readable, Writable } from "node:stream";

/** Runs one command apart from the machine: read-only file system but for the named folders, no network, its own processes, no inherited environment. */
export interface SandboxPort {
  readonly name: string;
  /** Whether commands can run here; when not, why and what to do about it. Cheap after the first call. */
  available(): Promise<{ readonly ok: true } | { readonly ok: false; readonly why: string }>;
  /** Never throws for what the command does. The whole process tree is gone when it returns. @throws LoopError sandbox_unavailable */
  run(command: SandboxCommand, signal: AbortSignal): Promise<SandboxResult>;
  /** Starts a program that goes on beside the server, apart in the same way, and ends with it. @throws LoopError sandbox_unavailable */
  start(command: LiveSandboxCommand): Promise<LiveProcess>;
  /** For a program that somebody else starts, ends and waits for: what to start in its place. Nothing was started when it returns. @throws LoopError sandbox_unavailable */
  wrap(command: WrappableCommand): Promise<WrappedCommand>;
}

/** Its `cwd` is writable. A place of the account (such as where a coding agent keeps its login) is shown when `writable` or `readable` names it. */
export interface WrappableCommand extends LiveSandboxCommand {
  /** Absolute; seen, and only read, also where the sandbox hides or empties what lies around it. */
  readonly readable: readonly string[];
}

export interface WrappedCommand {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment to start it with. */
  readonly env: Readonly<Record<string, string>>;
  /** The first process only holds the others: a signal that asks is sent to those, since it would take them along at once. It ends with 128 + the number of a signal that ended the program. */
  readonly isHolder: boolean;
}

export interface LiveSandboxCommand {
  readonly argv: readonly [string, ...string[]];
  /** Absolute; seen, and only read unless `writable` names it. */
  readonly cwd: string;
  readonly writable: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** It may reach the network. */
  readonly network: boolean;
}

/** A program that goes on. Whoever started it reads both outputs, so that it is not held up. */
export interface LiveProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** When it is gone with all that it started: why, in words after "it". Never rejects. */
  readonly ended: Promise<string>;
  /** Closes its input, and ends its whole tree when that is not enough. Safe to call twice. */
  stop(): Promise<void>;
}

export interface SandboxCommand {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute; writable inside the sandbox, as is everything in `writable`, unless `cwdIsReadOnly`. */
  readonly cwd: string;
  readonly cwdIsReadOnly?: boolean;
  readonly writable: readonly string[];
  /** Absolute; seen, and only read, even where the sandbox shows nothing else of what lies around it. */
  readonly readable?: readonly string[];
  /** The whole environment of the command: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Per stream; what is beyond is cut and `truncated` is true. */
  readonly maxOutputBytes: number;
  /** The command is ended as soon as its standard output goes beyond that. Left out: it may go on and is not held up. */
  readonly endsWhenCut?: boolean;
}

export interface SandboxResult {
  /** Null when a signal or the time limit ended it. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}
