import { type Db, inTransaction } from "#src/database/open.ts";
import { moments } from "#src/database/moments.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import { lockDueSchedules, type ScheduleRow, setProgress } from "../store/schedules.ts";
import { type Progress, progressed, readSpec } from "./schedule.ts";

export interface ScheduleParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}

/** Moves the schedules that have come to a moment, so that the world moves. It starts nothing: whoever waits for the world is woken. Gives how many came. */
export function fireSchedules(parts: ScheduleParts): Promise<number> {
  return inTransaction(parts.db, async (tx) => {
    let fired = 0;
    for (const row of await lockDueSchedules(tx)) {
      const progress = progressOf(parts, row);
      await setProgress(tx, row.name, progress);
      if (progress.period === row.period) continue;
      fired += 1;
      await append(tx, parts.clock, [{ kind: "schedule.due", actor: "system", payload: { name: row.name, period: progress.period, note: row.note } }]);
    }
    return fired;
  });
}

/** One that cannot be read never comes, and its signal says so. */
function progressOf({ log }: ScheduleParts, row: ScheduleRow): Progress {
  const spec = readSpec(row.spec);
  try {
    if (spec) return progressed(moments, row, { spec, missed: row.missed, nowMs: row.nowMs });
  } catch (error) {
    log.warn("a schedule cannot be read, so it does not come again", { schedule: row.name, error });
  }
  return { period: row.period, reachedMs: row.reachedMs, nextMs: null };
}
