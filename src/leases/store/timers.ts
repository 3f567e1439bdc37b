import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";

export interface Timer {
  readonly runId: RunId;
  /** Milliseconds since 1970. */
  readonly dueAtMs: number;
  /** One timer per run and cause; setting it again moves it. */
  readonly cause: string;
}

export async function setTimer(db: Db | Transaction, timer: Timer): Promise<void> {
  await sql`
    insert into timers (id, run_id, due_at, cause)
    values (${newId("tmr", timer.dueAtMs)}, ${timer.runId}, to_timestamp(${timer.dueAtMs} / 1000.0), ${timer.cause})
    on conflict (run_id, cause) do update set due_at = excluded.due_at`.execute(db);
}

/** Makes every timer of this cause due now: what their runs wait for has come. */
export async function hastenTimers(tx: Db | Transaction, cause: string): Promise<void> {
  await sql`update timers set due_at = loop_now() where cause = ${cause} and due_at > loop_now()`.execute(tx);
}

/** Removes the timers that are due and wakes their runs, in one statement: a crash loses neither. Gives the woken runs. */
export async function fireTimers(db: Db): Promise<RunId[]> {
  const { rows } = await sql<{ id: RunId }>`
    with due_timers as (
      select id from timers where due_at <= loop_now() order by due_at limit 1000 for update skip locked
    ), fired as (
      delete from timers t using due_timers d where t.id = d.id returning t.run_id
    ), k as materialized (
      select id from runs where id in (select run_id from fired) and ended_at is null order by id for no key update
    )
    update runs r
    set wake = r.wake + 1, due = case when r.holder is null and r.state in ('queued', 'running', 'waiting', 'quarantined') then loop_now() else r.due end
    from k where r.id = k.id
    returning r.id`.execute(db);
  return rows.map((row) => row.id);
}
