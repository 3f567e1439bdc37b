import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { LiveProcess } from "#src/acts/ports/sandbox-port.ts";
import type { ProcessTree } from "./bounded-process.ts";

export interface LiveCommand {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Pipes beside the three usual ones, from file descriptor 3 on. */
  readonly morePipes?: number;
}

const GRACE_MS = 1_000;

/** Starts a program that goes on, without a shell. What goes wrong with the start ends `ended` like everything else; it never rejects. */
export function startLive({ argv, cwd, env, morePipes = 0 }: LiveCommand, tree: ProcessTree): LiveProcess {
  const [program, ...args] = argv;
  const pipes = Array.from({ length: 3 + morePipes }, () => "pipe" as const);
  const child = spawn(program, args, { ...(cwd === undefined ? {} : { cwd }), env, stdio: pipes, detached: true });
  const ended = endOf(child).then(async (why) => {
    if (child.pid !== undefined) await tree.clear(child);
    for (const pipe of child.stdio) pipe?.destroy();
    return why;
  });
  if (child.pid !== undefined) tree.started?.(child);
  for (const pipe of child.stdio) pipe?.on("error", () => undefined); // a pipe to a program that has ended
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await Promise.race([ended, pause(GRACE_MS, undefined, { ref: false })]);
    tree.kill(child);
    await ended;
  };
  return {
    stdin: child.stdin as Writable,
    stdout: child.stdout as Readable,
    stderr: child.stderr as Readable,
    ended,
    stop: () => (stopping ??= stop()),
  };
}

function endOf(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.once("error", (error: NodeJS.ErrnoException) => {
    if (child.pid === undefined)
      resolve(error.code === "ENOENT" ? "the program is not there" : `the program could not be started (${error.code ?? error.message})`);
  });
  child.once("exit", (exitCode, signal) => resolve(signal === null ? `it ended with exit code ${exitCode}` : `it was ended by ${signal}`));
  return promise;
}
