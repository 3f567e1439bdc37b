import { type RawBuilder, sql } from "kysely";
import type { Approvers, AskKind } from "#src/asks/ask.ts";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { IS_LIVE } from "./claims.ts";

/** Open asks that the same people may answer. */
export interface AskGroup {
  readonly kind: AskKind;
  readonly stranded: boolean;
  readonly approvers: Approvers;
  readonly count: number;
  /** Over their ids. */
  readonly digest: string;
}

/** What the record says about the world, as small as it can be compared. */
export interface WorldMarks {
  readonly nowMs: number;
  /** Whether some process is the pulse now. */
  readonly pulseAlive: boolean;
  readonly readings: readonly { readonly sensor: string; readonly digest: string }[];
  readonly claims: readonly { readonly name: string; readonly session: string; readonly fence: number }[];
  /** `at`: it comes once, then. `period`: the last moment that came. */
  readonly schedules: readonly ScheduleMark[];
  readonly asks: readonly AskGroup[];
  /** Ids of the last lines of the journal. */
  readonly lines: readonly number[];
}

export interface ScheduleMark {
  readonly name: string;
  readonly spec: Json;
  readonly period: string | null;
  readonly nextAtMs: number | null;
}

export interface WorldDetails extends WorldMarks {
  readonly details: {
    readonly readings: readonly ReadingDetail[];
    readonly asks: readonly AskDetail[];
    readonly schedules: readonly { readonly name: string; readonly note: string; readonly missed: "once" | "skip" }[];
    readonly lines: readonly { readonly id: number; readonly atMs: number; readonly actor: string; readonly body: string | null }[];
    /** The last command that was run by these verbs. */
    readonly lastRun: LastRun | null;
  };
}

export interface ReadingDetail {
  readonly sensor: string;
  readonly signal: Json;
  readonly detail: Json;
  readonly failed: boolean;
  readonly streak: number;
  readonly ranAtMs: number;
  readonly changedAtMs: number;
}

export interface AskDetail {
  readonly id: string;
  readonly alias: string | null;
  readonly kind: AskKind;
  readonly worker: string | null;
  readonly prompt: string;
  readonly options: readonly string[];
  readonly ref: string | null;
  readonly stranded: boolean;
  readonly approvers: Approvers;
  readonly atMs: number;
}

export interface LastRun {
  readonly runId: string;
  readonly state: string;
  readonly args: Json;
  readonly result: Json;
  readonly error: { readonly message?: string } | null;
  readonly endedAtMs: number | null;
}

const TAIL = 20;
/** As many lines back a command is looked for. */
const LATELY = 100;
const MOST_ASKS = 1_000;

const ms = (column: RawBuilder<unknown>): RawBuilder<unknown> => sql`floor(extract(epoch from ${column}) * 1000)`;
const list = (select: RawBuilder<unknown>): RawBuilder<unknown> => sql`(select coalesce(json_agg(o), '[]') from (${select}) o)`;

/** The lock that `startPulse` holds, as Postgres lists it. */
const PULSE_ALIVE = sql`exists (
  select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = hashtextextended('loopwright.pulse', 0))`;

const MARKS = sql`
  ${ms(sql`loop_now()`)}::float8 as "nowMs",
  ${PULSE_ALIVE} as "pulseAlive",
  ${list(sql`select sensor, digest from sensor_readings order by sensor collate "C"`)} as readings,
  ${list(sql`select c.name, c.session, c.fence from claims c where ${IS_LIVE} order by c.name collate "C"`)} as claims,
  ${list(sql`select name, spec, period, ${ms(sql`next_at`)} as "nextAtMs" from schedules order by name collate "C"`)} as schedules,
  ${list(sql`
    select kind, stranded, approvers, count(*)::int as count, md5(string_agg(id, ' ' order by id)) as digest
    from asks where state = 'open' group by kind, stranded, approvers order by md5(string_agg(id, ' ' order by id))`)} as asks,
  (select coalesce(json_agg(id), '[]') from (select id from events where kind = 'loop.action' order by id desc limit ${TAIL}) o) as lines`;

const DETAILS = sql`json_build_object(
  'readings', ${list(sql`
    select sensor, signal, detail, failed, streak, ${ms(sql`ran_at`)} as "ranAtMs", ${ms(sql`changed_at`)} as "changedAtMs"
    from sensor_readings order by sensor collate "C"`)},
  'asks', ${list(sql`
    select k.id, k.alias, k.kind, coalesce(k.detail ->> 'worker', t.alias) as worker, k.prompt, k.options, coalesce(k.detail ->> 'reference', k.detail ->> 'ref') as ref, k.stranded, k.approvers, ${ms(sql`k.created_at`)} as "atMs"
    from asks k left join runs r on r.id = k.run_id left join tickets t on t.id = r.ticket_id
    where k.state = 'open' order by k.created_at, k.id limit ${MOST_ASKS}`)},
  'schedules', ${list(sql`select name, note, missed from schedules order by name collate "C"`)},
  'lines', ${list(sql`
    select e.id, ${ms(sql`e.at`)} as "atMs", e.actor, p.body
    from (select id, at, actor from events where kind = 'loop.action' order by id desc limit ${TAIL}) e
      left join lateral (select body from payloads where event_id = e.id offset 0) p on true order by e.id`)},
  'lastRun', (select row_to_json(o) from (
    select a.run_id as "runId", a.state, a.args, a.result, a.error, ${ms(sql`a.ended_at`)} as "endedAtMs"
    from (select id, run_id from events where kind = 'loop.action' order by id desc limit ${LATELY}) e
      join lateral (select * from acts where run_id = e.run_id and kind = 'shell' order by turn, ordinal limit 1) a on true
    order by e.id desc limit 1) o)
)`;

/** One statement, whatever the length of the record. */
export async function worldMarks(db: Db): Promise<WorldMarks> {
  const { rows } = await sql<WorldMarks>`select ${MARKS}`.execute(db);
  return rows[0]!;
}

/** The same with everything that is shown of it; of open asks the 1,000 oldest. */
export async function worldDetails(db: Db): Promise<WorldDetails> {
  const { rows } = await sql<WorldDetails>`select ${MARKS}, ${DETAILS} as details`.execute(db);
  return rows[0]!;
}
