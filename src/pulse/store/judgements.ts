import { sql } from "kysely";
import { type Instant, msOf, msOrNull } from "#src/database/instant.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { JUDGE } from "#src/runs/judge/procedure.ts";
import type { Face, JudgeAfter, JudgeBrief, RunStatus } from "#src/runs/run.ts";
import type { JudgeAsk, Judgement } from "../judge/next-judgement.ts";

/** As many as back-off and loop breaker look back. */
const LOOKED_AT = 8;

/** What of the judge is on record. Times in milliseconds since 1970, by the clock of the database. */
export interface JudgeRecord {
  readonly nowMs: number;
  readonly last: readonly Judgement[];
  readonly startedInHour: readonly number[];
  readonly asks: readonly JudgeAsk[];
}

interface Row {
  readonly id: RunId;
  readonly state: RunStatus;
  readonly judge: Json;
  readonly created_at: Instant;
  readonly ended_at: Instant | null;
}

export async function judgeRecord(db: Db | Transaction): Promise<JudgeRecord> {
  const { rows } = await sql<{ now_ms: number; last: readonly Row[] | null; started: readonly number[]; asks: readonly JudgeAsk[] }>`
    select (extract(epoch from loop_now()) * 1000)::float8 as now_ms,
      (select json_agg(o) from (
        select id, state, brief -> 'judge' as judge, created_at, ended_at from runs where procedure = ${JUDGE} order by created_at desc, id desc limit ${LOOKED_AT}) o) as last,
      (select coalesce(json_agg((extract(epoch from created_at) * 1000)::float8 order by created_at), '[]') from runs
        where procedure = ${JUDGE} and created_at > loop_now() - interval '1 hour') as started,
      (select coalesce(json_agg(o), '[]') from (
        select detail ->> 'about' as about, detail ->> 'run' as "runId", state, answer, (extract(epoch from created_at) * 1000)::float8 as "openedAtMs",
          (extract(epoch from settled_at) * 1000)::float8 as "settledAtMs"
        from asks where purpose = ${JUDGE_PURPOSE} order by created_at desc limit 4) o) as asks`.execute(db);
  const { now_ms, last, started, asks } = rows[0]!;
  return { nowMs: Math.floor(now_ms), last: (last ?? []).map(toJudgement), startedInHour: started, asks };
}

/** Of asks that the judge's own process opens: about its cap, or that it repeats itself. */
export const JUDGE_PURPOSE = "judge";

const toJudgement = ({ id, state, judge, created_at, ended_at }: Row): Judgement => ({
  runId: id,
  state,
  brief: readBrief(judge),
  startedAtMs: msOf(created_at),
  endedAtMs: msOrNull(ended_at),
});

/** Null where it is not what was written: then nobody knows what it saw. */
function readBrief(judge: Json): JudgeBrief | null {
  if (typeof judge !== "object" || judge === null || Array.isArray(judge)) return null;
  const { reason, changed, seen, after } = judge as Partial<Record<keyof JudgeBrief, Json>>;
  if (typeof reason !== "string" || !Array.isArray(changed) || !isFace(seen)) return null;
  if (after !== undefined && !(typeof after === "object" && after !== null && isFace((after as { face?: Json }).face))) return null;
  return judge as unknown as JudgeBrief;
}

const isFace = (value: Json | undefined): value is Face & { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every((digest) => typeof digest === "string");

/** One at a time looks after the judge, in whichever process; ends with the transaction. */
export async function lockJudge(tx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('loopwright.judge', 0))`.execute(tx);
}

/** Writes down what a decision left, once. False: it stands there already. */
export async function setAfter(tx: Transaction, runId: string, after: JudgeAfter): Promise<boolean> {
  const { rows } = await sql`
    update runs set brief = jsonb_set(brief, '{judge,after}', ${JSON.stringify(after)}::jsonb)
    where id = ${runId} and procedure = ${JUDGE} and ended_at is not null and not (brief -> 'judge' ? 'after') returning id`.execute(tx);
  return rows.length > 0;
}

export interface DecisionEnd {
  readonly state: RunStatus;
  readonly reason: string | null;
  readonly said: string | null;
  /** What it called, in order. */
  readonly acts: readonly { readonly id: string; readonly name: string; readonly args: Json; readonly state: string; readonly result: Json }[];
}

/** What became of a decision. */
export async function decisionEnd(db: Db | Transaction, runId: string): Promise<DecisionEnd> {
  const { rows } = await sql<DecisionEnd>`
    select r.state, r.reason, r.answer ->> 'said' as said,
      (select coalesce(json_agg(json_build_object('id', a.id, 'name', a.name, 'args', a.args, 'state', a.state, 'result', a.result) order by a.turn, a.ordinal), '[]')
        from acts a where a.run_id = r.id and a.kind in ('tool', 'shell')) as acts
    from runs r where r.id = ${runId}`.execute(db);
  return rows[0]!;
}

/** What a decision was shown, one entry for each section, in order. */
export async function shownTo(db: Db | Transaction, runId: string): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`
    select content ->> 'text' as text from messages where run_id = ${runId} and role = 'input' and source = ${JUDGE_SOURCE} order by seq`.execute(db);
  return rows.map(({ text }) => text);
}

/** Who says what stands in the sections of a prompt. */
export const JUDGE_SOURCE = "pulse";

/** As many lines as may have come since the act began. */
const LINES_LOOKED_AT = 2_000;

/** The line of the journal that an act left, by its key; undefined: it left none. */
export async function actionOf(db: Db, actKey: string): Promise<string | undefined> {
  const { rows } = await sql<{ line: string }>`
    select p.body::jsonb ->> 'line' as line
    from (select id from events where kind = 'loop.action' order by id desc limit ${LINES_LOOKED_AT}) e join payloads p on p.event_id = e.id
    where p.body::jsonb ->> 'act' = ${actKey} limit 1`.execute(db);
  return rows[0]?.line;
}

/** Which run an act is of, and which agent's. */
export async function runOfAct(db: Db, actId: string): Promise<{ readonly runId: RunId; readonly agent: string }> {
  const { rows } = await sql<{
    runId: RunId;
    agent: string;
  }>`select r.id as "runId", r.agent from acts a join runs r on r.id = a.run_id where a.id = ${actId}`.execute(db);
  return rows[0]!;
}
