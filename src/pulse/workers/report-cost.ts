import { append } from "#src/journal/store/append.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";
import { ensureAllotment } from "#src/ledger/allot.ts";
import { recordSelfReported } from "#src/ledger/store/self-report.ts";
import type { Caller } from "#src/people/principal.ts";
import { runFactsOf } from "#src/runs/run-facts.ts";
import { requireRun } from "#src/runs/store/state.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { workers } from "../store/workers.ts";

export interface ReportedCost {
  readonly kind: string;
  readonly id: string;
  readonly runner: string;
  readonly usd: number;
}

const NANOS = 1_000_000_000;
/** Beyond it a count of nanos is not exact any more. */
const MOST_USD = 9_000_000;
const ROOT = "root";

/**
 * Keeps a cost that somebody says they had, marked as such, against the run and the budgets of the worker that it is of; without one it is the root agent's. False for
 * what is no amount above 0.
 */
export async function reportCost(deps: LoopDeps, caller: Caller, { kind, id, runner, usd }: ReportedCost): Promise<boolean> {
  const costNanos = Math.round(usd * NANOS);
  if (!(costNanos > 0) || !(usd <= MOST_USD)) return false;
  const { db, clock } = deps;
  const runId = caller.runId ?? (kind === "worker" ? await lastRunOf(deps, id) : undefined);
  const run = runId === undefined ? undefined : await requireRun(db, runId);
  const { workspace } = await deps.workspaces.current();
  if (run) {
    const about = { run: runFactsOf(run), budgets: workspace.budgets, timeZone: workspace.manifest.timeZone };
    await ensureAllotment(db, { ...about, model: null, needNanos: costNanos, needTokens: 0 }); // it was spent already, whatever the budgets say
  }
  const actId = newId("act", clock.nowMs());
  await recordSelfReported(db, {
    actId,
    attempt: 1,
    runId: run?.id ?? null,
    ticketId: run?.ticketId ?? null,
    agent: run?.agent ?? ROOT,
    labels: { ...run?.labels, kind, runner, worker: id },
    tier: null,
    model: null,
    costNanos,
    tokens: { input: 0, cached: 0, output: 0, reasoning: 0 },
  });
  await append(db, clock, [{ kind: "cost.reported", actor: caller.id, ...(run ? { runId: run.id } : {}), payload: { entry: actId, kind, id, runner, usd } }]);
  return true;
}

const lastRunOf = async ({ db }: LoopDeps, name: string): Promise<RunId | undefined> => (await workers(db, { name }))[0]?.runId;
