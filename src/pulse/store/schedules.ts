import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Progress } from "../world/schedule.ts";

export interface ScheduleRow extends Progress {
  readonly name: string;
  /** A ScheduleSpec, unless somebody else wrote it. */
  readonly spec: Json;
  readonly note: string;
  readonly missed: "once" | "skip";
  readonly setBy: string;
  readonly setAtMs: number;
  /** By the clock of the database. */
  readonly nowMs: number;
}

const COLUMNS = sql`name, spec, note, missed, set_by as "setBy", period, floor(extract(epoch from set_at) * 1000)::float8 as "setAtMs",
  floor(extract(epoch from reached_at) * 1000)::float8 as "reachedMs", floor(extract(epoch from next_at) * 1000)::float8 as "nextMs",
  floor(extract(epoch from loop_now()) * 1000)::float8 as "nowMs"`;

/** All, by name. */
export async function schedules(db: Db | Transaction): Promise<ScheduleRow[]> {
  const { rows } = await sql<ScheduleRow>`select ${COLUMNS} from schedules order by name collate "C"`.execute(db);
  return rows;
}

/** Time as schedules see it, and how many there are. */
export async function scheduleTime(tx: Transaction): Promise<{ nowMs: number; count: number }> {
  const { rows } = await sql<{ nowMs: number; count: number }>`
    select floor(extract(epoch from loop_now()) * 1000)::float8 as "nowMs", (select count(*) from schedules)::int as count`.execute(tx);
  return rows[0]!;
}

export type ScheduleWish = Pick<ScheduleRow, "name" | "note" | "missed" | "setBy" | "nextMs" | "nowMs"> & { readonly spec: object };

/** New, or in place of the one of this name, from now on. */
export async function putSchedule(tx: Transaction, { name, spec, note, missed, setBy, nextMs, nowMs }: ScheduleWish): Promise<void> {
  const [now, next] = [new Date(nowMs), nextMs === null ? null : new Date(nextMs)];
  await sql`
    insert into schedules (name, spec, note, missed, set_by, set_at, reached_at, next_at)
    values (${name}, ${JSON.stringify(spec)}::jsonb, ${note}, ${missed}, ${setBy}, ${now}, ${now}, ${next})
    on conflict (name) do update set spec = excluded.spec, note = excluded.note, missed = excluded.missed, set_by = excluded.set_by, set_at = excluded.set_at,
      period = null, reached_at = excluded.reached_at, next_at = excluded.next_at`.execute(tx);
}

export async function dropSchedule(tx: Transaction, name: string): Promise<boolean> {
  const { rows } = await sql<{ name: string }>`delete from schedules where name = ${name} returning name`.execute(tx);
  return rows.length === 1;
}

/** Those that have come to a moment, held until the transaction ends; another process that looks meanwhile passes them over. */
export async function lockDueSchedules(tx: Transaction): Promise<ScheduleRow[]> {
  const { rows } = await sql<ScheduleRow>`select ${COLUMNS} from schedules where next_at <= loop_now() order by name for update skip locked`.execute(tx);
  return rows;
}

export async function setProgress(tx: Transaction, name: string, { period, reachedMs, nextMs }: Progress): Promise<void> {
  const next = nextMs === null ? null : new Date(nextMs);
  await sql`update schedules set period = ${period}, reached_at = ${new Date(reachedMs)}, next_at = ${next} where name = ${name}`.execute(tx);
}
