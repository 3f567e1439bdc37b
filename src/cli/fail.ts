import { LoopError } from "#src/kernel/errors.ts";
import type { Environment } from "#src/settings/read.ts";
import { UsageError } from "./arguments.ts";
import { write } from "./context.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { failureText } from "./render/failure.ts";

export interface Situation {
  readonly json: boolean;
  /** Undefined: it came before that was known. */
  readonly homeFolder: string | undefined;
  readonly env: Environment;
}

/** Says what went wrong, and gives the exit code for it. Never a stack: that goes to a log. */
export async function fail(error: unknown, { json, homeFolder, env }: Situation): Promise<ExitCode> {
  const say = (text: string): void => void write(2, `${text}\n`);
  if (error instanceof UsageError) {
    say(error.message);
    return EXIT.usage;
  }
  if (error instanceof LoopError) {
    if (json) write(1, `${failureText(error)}\n`);
    else say(error.message);
    return exitCodeOf(error);
  }
  const { keepBug } = await import("./bug-log.ts");
  say(`Something broke in loop itself. The details are in ${keepBug(error, { homeFolder, env })}; please report them.`);
  return EXIT.broken;
}
