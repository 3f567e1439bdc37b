import { randomBytes } from "node:crypto";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { type ProcessTree, runBounded } from "#src/processes/bounded-process.ts";
import { startLive } from "#src/processes/live-process.ts";
import { killMarked } from "#src/processes/marked-processes.ts";
import { killGroup, processGroup } from "#src/processes/process-group.ts";
import { aborted, answerToMalformed, programNotStarted, requireFolders, requireWellFormed } from "#src/processes/sandbox-command.ts";

/** Variable by which the processes of one call are found again. */
const MARK = "SANDBOX_RUN_ID";

/**
 * For workspaces that say `sandbox: off`: the command can read, write and reach whatever the server can. It has a clean environment (with one variable
 * more, `SANDBOX_RUN_ID`), the limits, and its process tree is taken away; on systems without /proc only as far as it stays in its group.
 */
export function createSandboxOff(): SandboxPort {
  return {
    name: "off",
    available: () => Promise.resolve({ ok: true }),
    async run(command, signal) {
      const malformed = answerToMalformed(command);
      if (malformed) return malformed;
      await requireFolders([command.cwd]);
      if (signal.aborted) return aborted;
      const mark = randomBytes(16).toString("hex");
      const outcome = await runBounded({ ...command, env: { ...command.env, [MARK]: mark } }, markedTree(`${MARK}=${mark}`), signal);
      if (!outcome.started) return programNotStarted(command.argv[0], outcome.code);
      const { started: _, ...result } = outcome;
      return result;
    },
    async start(command) {
      requireWellFormed(command);
      const { argv, cwd, env } = command;
      await requireFolders([cwd]);
      const mark = randomBytes(16).toString("hex");
      return startLive({ argv, cwd, env: { ...env, [MARK]: mark } }, markedTree(`${MARK}=${mark}`));
    },
    async wrap(command) {
      requireWellFormed(command);
      await requireFolders([command.cwd]);
      return { argv: command.argv, env: command.env, isHolder: false };
    },
  };
}

const markedTree = (entry: string): ProcessTree => ({
  kill: killGroup,
  async clear(child) {
    await processGroup.clear(child);
    await killMarked(entry);
  },
});
