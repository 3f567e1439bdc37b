import { spawn } from "node:child_process";
import { constants } from "node:os";
import { SetupProblem } from "./problem.mjs";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
/** One Ctrl-C arrives twice: from the terminal, and from npm, which passes on what it gets itself. */
const ECHO_MS = 500;

/** Says of each signal, as it comes, whether it is one more or the last one once again. */
export function withoutEchoes(nowMs) {
  const passedMs = new Map();
  return (signal) => {
    if (nowMs() - (passedMs.get(signal) ?? -Infinity) < ECHO_MS) return false;
    passedMs.set(signal, nowMs());
    return true;
  };
}

/**
 * Runs the program to its end and gives its exit code (128 + n when signal n ended it). It gets a session of its own, so that each signal reaches it
 * once and only through here; a second Ctrl-C that a person means is passed on too.
 */
export function runToTheEnd(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: "inherit", detached: true });
    const isNew = withoutEchoes(() => performance.now());
    for (const signal of FORWARDED) {
      process.on(signal, () => {
        if (isNew(signal)) child.kill(signal);
      });
    }
    process.on("SIGWINCH", () => child.kill("SIGWINCH"));
    process.on("SIGTSTP", () => {
      child.kill("SIGSTOP");
      process.kill(process.pid, "SIGSTOP");
    });
    process.on("SIGCONT", () => child.kill("SIGCONT"));
    child.on("error", (error) => reject(new SetupProblem(`${command} cannot be started (${error.code ?? error.message}).`)));
    child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
