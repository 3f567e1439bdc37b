import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { collect } from "./output.ts";

export interface BoundedCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Per stream; what is beyond is cut. */
  readonly maxOutputBytes: number;
  /** The command is ended as soon as something of its standard output is cut. */
  readonly endsWhenCut?: boolean;
  /** Pipes beside the three usual ones, from file descriptor 3 on. */
  readonly morePipes?: number;
}

/** What belongs to a command, and how it is ended. The command leads a process group of its own. */
export interface ProcessTree {
  /** Right after the start. */
  started?(child: ChildProcess): void;
  /** At the time limit and on abort. Must not throw when nothing is there any more. */
  kill(child: ChildProcess): void;
  /** After the command itself ended: takes away what it left, and gives back when that is gone. */
  clear(child: ChildProcess): Promise<void>;
}

export interface Ended {
  readonly started: true;
  /** Null when a signal ended it, of ours or not. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/** `code`: what the system said, such as ENOENT or EACCES. */
export type Outcome = Ended | { readonly started: false; readonly code: string };

const LONGEST_TIMER_MS = 2 ** 31 - 1; // a longer one fires at once
const PIPES_CLOSE_MS = 1_000;

/** Runs a program without a shell, with nothing on its input. Never throws for what it does; aborted, its exit code is null. */
export async function runBounded(command: BoundedCommand, tree: ProcessTree, signal: AbortSignal): Promise<Outcome> {
  const child = start(command);
  if (typeof child === "string") return { started: false, code: child };
  const ending = endOf(child);
  if (child.pid === undefined) return ending;
  const stdout = collect(child.stdout as Readable, command.maxOutputBytes, () => command.endsWhenCut && tree.kill(child));
  const stderr = collect(child.stderr as Readable, command.maxOutputBytes);
  const pipesClosed = Promise.all([once(child.stdout as Readable, "close"), once(child.stderr as Readable, "close")]);
  tree.started?.(child);
  const limits = limit(command.timeoutMs, signal, () => tree.kill(child));
  const end = await ending;
  const reached = limits.lift();
  await tree.clear(child);
  await Promise.race([pipesClosed, pause(PIPES_CLOSE_MS, undefined, { ref: false })]);
  for (const pipe of child.stdio) pipe?.destroy();
  if (!end.started) return end;
  return {
    ...end,
    exitCode: reached === null ? end.exitCode : null,
    timedOut: reached === "time",
    stdout: stdout.text(),
    stderr: stderr.text(),
    truncated: stdout.truncated() || stderr.truncated(),
  };
}

/** The code of the error where the system refuses at once, as it does for arguments that are too long. */
function start({ argv, cwd, env, morePipes = 0 }: BoundedCommand): ChildProcess | string {
  const [program, ...args] = argv;
  try {
    return spawn(program, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env,
      stdio: ["ignore", "pipe", "pipe", ...Array.from({ length: morePipes }, () => "pipe" as const)],
      detached: true,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || code.startsWith("ERR_")) throw error;
    return code;
  }
}

/** Calls `stop` once, at the time limit or on abort, until it is lifted; then says what was reached. */
function limit(timeoutMs: number, signal: AbortSignal, stop: () => void): { lift(): "time" | "abort" | null } {
  let reached: "time" | "abort" | null = null;
  const reach = (what: "time" | "abort") => () => {
    if (reached !== null) return;
    reached = what;
    stop();
  };
  const onAbort = reach("abort");
  const timer = setTimeout(reach("time"), Math.min(timeoutMs, LONGEST_TIMER_MS));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return {
    lift() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      return reached;
    },
  };
}

function endOf(child: ChildProcess): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined) resolve({ started: false, code: error.code ?? error.message }); // else it says that a signal could not be sent
  });
  child.once("exit", (exitCode) => resolve({ started: true, exitCode, timedOut: false, stdout: "", stderr: "", truncated: false }));
  return promise;
}
