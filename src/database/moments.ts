import { PgBoss } from "pg-boss";

/** It only reckons: never started, it opens no connection. */
let boss: PgBoss | undefined;

/** The moments of a schedule (five fields of cron, or an RRULE) after this one, soonest first. @throws Error where it cannot be read */
export function moments({ at, timeZone }: { at: string; timeZone: string }, { fromMs, count }: { fromMs: number; count: number }): readonly number[] {
  boss ??= new PgBoss("postgres://nobody@127.0.0.1:1/none");
  return boss.previewSchedule(at, { tz: timeZone, from: new Date(fromMs), count }).map((date) => date.getTime());
}
