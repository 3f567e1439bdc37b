import type { Act } from "#src/acts/act.ts";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { readState } from "#src/runs/store/state.ts";

/** How a command stands that was asked for by `loop _ run`. */
export interface ShellOutcome {
  readonly runId: string;
  readonly state: "running" | "asked" | "done" | "failed";
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  /** The end of what it printed. */
  readonly output: string;
  readonly error: string | null;
  /** What waits for a person, and for whom. */
  readonly ask: { readonly id: string; readonly of: string } | null;
}

interface Ran {
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_CHARACTERS = 2_048;

export const outputOf = (result: unknown): string => {
  const { stdout = "", stderr = "" } = (result ?? {}) as Partial<Ran>;
  return [stdout.trimEnd(), stderr.trimEnd()]
    .filter((text) => text !== "")
    .join("\n")
    .slice(-KEPT_CHARACTERS)
    .toWellFormed();
};

/** @throws LoopError run_unknown for what is no run of one command */
export async function shellOutcome(db: Db, runId: string): Promise<ShellOutcome> {
  const { run, acts, asks } = await readState(db, runId);
  if (run.procedure !== "call") throw new LoopError("run_unknown", `${runId} is no command that was run by \`loop _ run\`.`, { facts: { run: runId } });
  const act = acts.find(({ kind }) => kind === "shell");
  const open = asks.find(({ state }) => state === "open");
  const base = { runId, exitCode: null, timedOut: false, output: "", error: null, ask: null };
  if (open) {
    const { roles, names, groups = [] } = open.approvers;
    return { ...base, state: "asked", ask: { id: open.alias ?? open.id, of: [...names, ...roles, ...groups].join(", ") } };
  }
  if (act?.state === "done") return ended(base, act);
  if (run.endedAtMs === null) return { ...base, state: "running" };
  return { ...base, state: "failed", error: act?.error?.message ?? run.reason ?? `the run was ${run.state}` };
}

function ended(base: Omit<ShellOutcome, "state">, { result }: Act): ShellOutcome {
  const { exitCode, timedOut } = result as unknown as Ran;
  const output = outputOf(result);
  if (exitCode === 0) return { ...base, state: "done", exitCode, timedOut, output };
  const how = timedOut ? "ran out of time" : `exited ${exitCode ?? "by a signal"}`;
  return { ...base, state: "failed", exitCode, timedOut, output, error: `run_shell ${how}: ${output.slice(-500)}` };
}
