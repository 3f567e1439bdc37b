import type { Db } from "#src/database/open.ts";
import { applicableBudgets, type RunFacts } from "./budgets.ts";
import type { BudgetManifest } from "#src/workspace/manifest/governance.ts";
import { statesOf } from "./store/period-state.ts";
import { readSeat } from "./store/seat.ts";

/** Nano-dollars that the tightest blocking budget of a run still has; null: none has a cap in money. What other runs hold is not counted as gone. */
export async function remainingNanos(
  db: Db,
  { run, budgets, timeZone }: { readonly run: RunFacts; readonly budgets: readonly BudgetManifest[]; readonly timeZone: string },
): Promise<number | null> {
  const { now } = await readSeat(db, run.runId, { nanos: 0, tokens: 0 });
  const capped = applicableBudgets(budgets, run, { nowMs: now.getTime(), timeZone }).filter(
    ({ capNanos, onReach }) => capNanos !== null && onReach === "block",
  );
  if (capped.length === 0) return null;
  const states = new Map(
    (
      await statesOf(
        db,
        capped.map(({ id }) => id),
      )
    ).map((state) => [state.id, state]),
  );
  return Math.max(0, Math.min(...capped.map(({ id, capNanos }) => capNanos! - (states.get(id)?.spentNanos ?? 0))));
}
