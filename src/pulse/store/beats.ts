import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

export interface Looked {
  readonly nowMs: number;
  /** Null: this schedule was never looked at, so it begins now. */
  readonly untilMs: number | null;
}

/** How far a schedule was looked at; held until the transaction ends, so that two processes make one job of a moment. */
export async function lockLooked(tx: Transaction, { trigger, schedule }: { trigger: string; schedule: string }): Promise<Looked> {
  await sql`insert into trigger_beats (trigger, schedule, looked_until) values (${trigger}, ${schedule}, loop_now()) on conflict do nothing`.execute(tx);
  const { rows } = await sql<{ now: Date; until: Date; same: boolean }>`
    select loop_now() as now, looked_until as until, schedule = ${schedule} as same from trigger_beats where trigger = ${trigger} for no key update`.execute(
    tx,
  );
  const { now, until, same } = rows[0]!;
  return { nowMs: now.getTime(), untilMs: same ? until.getTime() : null };
}

export async function setLooked(tx: Transaction, { trigger, schedule, untilMs }: { trigger: string; schedule: string; untilMs: number }): Promise<void> {
  await sql`update trigger_beats set schedule = ${schedule}, looked_until = ${new Date(untilMs)} where trigger = ${trigger}`.execute(tx);
}

/** Triggers that have no schedule any more. */
export async function forgetLooked(tx: Transaction, keep: readonly string[]): Promise<void> {
  await sql`delete from trigger_beats where not (trigger = any(${keep}::text[]))`.execute(tx);
}
