import type { ErrorCode } from "#src/kernel/errors.ts";

/** What a script learns from how `loop` ended. Stands in `loop help`. */
export const EXIT = { done: 0, refused: 1, usage: 2, widens: 2, pulseDown: 2, notRunning: 3, unknown: 4, broken: 70 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Code, what it means, and the same in a word. */
export const EXIT_MEANINGS: readonly (readonly [ExitCode, meaning: string, word: string])[] = [
  [EXIT.done, "done", "done"],
  [EXIT.refused, "refused or failed: the message says why; also a verb that does not exist", "refused or failed"],
  [EXIT.usage, "the command was not written as its --help says; of `loop plan`: power would widen; of `loop _ wait`: the pulse is down", "usage"],
  [EXIT.notRunning, "the server of this home does not run", "no server"],
  [EXIT.unknown, "there is no such ticket, ask, run, token or secret", "no such thing"],
  [EXIT.broken, "something broke in loop itself; the details are in a log that the message names", "broken"],
];

/** The same of `loop _`, whose callers are programs: 1 for all that did not go well, so that 2 says one thing alone. */
export const LOOP_EXIT_MEANINGS: readonly (readonly [ExitCode, meaning: string, word: string])[] = [
  [EXIT.done, "done", "done"],
  [EXIT.refused, "refused or failed, or not written as --help says, or no server runs: the message says why", "refused or failed"],
  [EXIT.pulseDown, "of `loop _ wait`: the pulse is down", "wait: the pulse is down"],
  [EXIT.broken, "something broke in loop itself; the details are in a log that the message names", "broken"],
];

export const loopExitCode = (code: ExitCode): ExitCode => (code === EXIT.broken ? code : EXIT.refused);

/** `httpStatus`: of the failure's code. */
export function exitCodeOf(failure: { readonly code: ErrorCode; readonly httpStatus: number }): ExitCode {
  if (failure.code === "server_not_running") return EXIT.notRunning;
  return failure.httpStatus === 404 && failure.code !== "route_unknown" ? EXIT.unknown : EXIT.refused;
}
