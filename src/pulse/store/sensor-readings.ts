import { sql } from "kysely";
import { type Instant, msOf } from "#src/database/instant.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";

/** What a sensor said last. `digest`: of the signal. `streak`: how often in a row the signal was another one than the time before. */
export interface Reading {
  readonly sensor: string;
  /** What wakes. */
  readonly signal: Json;
  readonly detail: Json;
  readonly digest: string;
  /** The signal says what went wrong instead. */
  readonly failed: boolean;
  readonly streak: number;
  readonly ranAtMs: number;
  readonly changedAtMs: number;
}

/** So many changes in a row, and what the sensor looks at does not rest. */
const FLAPPING_STREAK = 5;

export const isFlapping = ({ streak }: Pick<Reading, "streak">): boolean => streak >= FLAPPING_STREAK;

interface ReadingRow extends Omit<Reading, "ranAtMs" | "changedAtMs"> {
  readonly ran_at: Instant;
  readonly changed_at: Instant;
}

/** Of all sensors that ran, by name. */
export async function readings(db: Db | Transaction): Promise<Reading[]> {
  const { rows } = await sql<ReadingRow>`
    select sensor, signal, detail, digest, failed, streak, ran_at, changed_at from sensor_readings order by sensor collate "C"`.execute(db);
  return rows.map(({ ran_at, changed_at, ...row }) => ({ ...row, ranAtMs: msOf(ran_at), changedAtMs: msOf(changed_at) }));
}

/** When each sensor ran last and by which program, for whoever goes on. */
export async function lastRuns(db: Db): Promise<{ readonly sensor: string; readonly program: string; readonly ranAtMs: number }[]> {
  const { rows } = await sql<{ sensor: string; program: string; ran_at: Instant }>`select sensor, program, ran_at from sensor_readings`.execute(db);
  return rows.map(({ sensor, program, ran_at }) => ({ sensor, program, ranAtMs: msOf(ran_at) }));
}

export interface NewReading {
  readonly sensor: string;
  readonly signal: Json;
  readonly detail: Json;
  readonly digest: string;
  /** Digest of what printed it. */
  readonly program: string;
  readonly failed: boolean;
  readonly tookMs: number;
}

/** `same`: word for word what this process wrote last, so that only the time is. */
export interface Batch {
  readonly said: readonly NewReading[];
  readonly same: readonly Pick<NewReading, "sensor" | "digest" | "tookMs">[];
}

export interface Written {
  readonly sensor: string;
  readonly digest: string;
  readonly failed: boolean;
  readonly streak: number;
  /** Null: the first reading of this sensor. */
  readonly before: { readonly digest: string; readonly failed: boolean } | null;
}

interface WrittenRow extends Omit<Written, "before"> {
  readonly before_digest: string | null;
  readonly before_failed: boolean | null;
}

/** Writes what sensors said, in one statement. Gives those that were written whole; a sensor that is `same` and gives nothing back is in `lost` where its row is another by now. */
export async function writeReadings(
  tx: Db | Transaction,
  { said, same }: Batch,
): Promise<{ readonly written: readonly Written[]; readonly lost: readonly string[] }> {
  const { rows } = await sql<WrittenRow & { readonly same: boolean }>`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(said.map(toRow))}::jsonb)
        as g(sensor text, signal jsonb, detail jsonb, digest text, program text, failed boolean, took_ms integer)
    ),
    unchanged as (
      update sensor_readings r set ran_at = loop_now(), streak = 0, took_ms = u.took_ms
      from unnest(${same.map(({ sensor }) => sensor)}::text[], ${same.map(({ digest }) => digest)}::text[], ${same.map(({ tookMs }) => tookMs)}::integer[])
        as u(sensor, digest, took_ms)
      where r.sensor = u.sensor and r.digest = u.digest
      returning r.sensor, r.digest, r.failed, r.streak
    ),
    before as materialized (select r.sensor, r.digest, r.failed from sensor_readings r join given g using (sensor)),
    written as (
      insert into sensor_readings as r (sensor, signal, detail, digest, program, failed, streak, ran_at, changed_at, took_ms)
      select g.sensor, g.signal, g.detail, g.digest, g.program, g.failed, 0, loop_now(), loop_now(), g.took_ms from given g
      on conflict (sensor) do update set
        signal = excluded.signal, detail = excluded.detail, digest = excluded.digest, program = excluded.program, failed = excluded.failed,
        streak = case when r.digest = excluded.digest then 0 else r.streak + 1 end, ran_at = excluded.ran_at,
        changed_at = case when r.digest = excluded.digest then r.changed_at else excluded.changed_at end, took_ms = excluded.took_ms
      returning r.sensor, r.digest, r.failed, r.streak
    )
    select w.sensor, w.digest, w.failed, w.streak, b.digest as before_digest, b.failed as before_failed, false as same
      from written w left join before b using (sensor)
    union all select u.sensor, u.digest, u.failed, u.streak, u.digest, u.failed, true from unchanged u
    order by sensor`.execute(tx);
  const touched = new Set(rows.map(({ sensor }) => sensor));
  return {
    written: rows.filter((row) => !row.same).map(toWritten),
    lost: same.flatMap(({ sensor }) => (touched.has(sensor) ? [] : [sensor])),
  };
}

/** Takes away the readings of sensors that there are no more, and names them. */
export async function forgetReadings(tx: Db | Transaction, keep: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ sensor: string }>`
    delete from sensor_readings where not (sensor = any(${keep}::text[])) returning sensor`.execute(tx);
  return rows.map(({ sensor }) => sensor).toSorted();
}

const toRow = ({ tookMs, ...row }: NewReading) => ({ ...row, took_ms: tookMs });

const toWritten = ({ sensor, digest, failed, streak, before_digest, before_failed }: WrittenRow): Written => ({
  sensor,
  digest,
  failed,
  streak,
  before: before_digest === null ? null : { digest: before_digest, failed: before_failed === true },
});
