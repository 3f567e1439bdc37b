import type { RunSecretCommand } from "#src/secrets/sources.ts";
import { runBounded } from "#src/processes/bounded-process.ts";
import { processGroup } from "#src/processes/process-group.ts";

/** Runs the program of a secrets manager. What it prints on its error stream is dropped: it may say too much. */
export const runSecretCommand: RunSecretCommand = async (command) => {
  const outcome = await runBounded(command, processGroup, new AbortController().signal);
  if (!outcome.started) return { started: false, why: outcome.code };
  const { exitCode, timedOut, stdout, truncated } = outcome;
  return { started: true, exitCode, timedOut, stdout, truncated };
};
