import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Milliseconds by the database clock, 0 or less when one is due; `null` when there is none. */
export interface NextDue {
  readonly timerInMs: number | null;
  readonly askInMs: number | null;
  readonly scheduleInMs: number | null;
}

export async function nextDue(db: Db): Promise<NextDue> {
  const { rows } = await sql<NextDue>`
    select (select extract(epoch from min(due_at) - loop_now()) * 1000 from timers)::float8 as "timerInMs",
      (select extract(epoch from min(next_step_at) - loop_now()) * 1000 from asks where state = 'open' and next_step_at is not null)::float8 as "askInMs",
      (select extract(epoch from min(next_at) - loop_now()) * 1000 from schedules where next_at is not null)::float8 as "scheduleInMs"`.execute(db);
  return rows[0]!;
}
