import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "../lease.ts";

export interface ClaimOptions {
  /** Runs at most. */
  readonly limit: number;
  /** Of those, at most so many that were claimed twice without an outcome: one of them may be what ended the process, and its mates are counted with it. Left out: any. */
  readonly suspects?: number;
  /** Names the process. */
  readonly holder: string;
  readonly leaseMs: number;
}

interface Row {
  readonly id: RunId;
  readonly fence: number;
  readonly wake: number;
  readonly tries: number;
}

/** Claims without an outcome; the partial index of migration 0027 has the same number. */
const SUSPECT_AFTER = 2;

/** Whether the claim that gave this lease was of a run that may be what ends processes. */
export const isSuspect = ({ tries }: Pick<Lease, "tries">): boolean => tries > SUSPECT_AFTER;

/** Takes runs that are due, longest due first, and that no bound holds back. */
export async function claim(db: Db, options: ClaimOptions): Promise<Lease[]> {
  const { rows } = await sql<Row>`
    with suspect as (
      select id from runs where due <= loop_now() and tries >= ${sql.lit(SUSPECT_AFTER)} and lanes = '{}' order by due limit ${options.suspects ?? options.limit} for update skip locked
    ), usual as (
      select id from runs where due <= loop_now() and tries < ${sql.lit(SUSPECT_AFTER)} and lanes = '{}' order by due
      limit ${options.limit} - (select count(*) from suspect) for update skip locked
    ), c as (select id from suspect union all select id from usual)
    update runs r
    set fence = r.fence + 1, holder = ${options.holder}, due = loop_now() + ${options.leaseMs} * interval '1 millisecond', tries = r.tries + 1,
        state = 'running', started_at = coalesce(r.started_at, loop_now())
    from c where r.id = c.id
    returning r.id, r.fence, r.wake, r.tries`.execute(db);
  return rows.map(toLease);
}

/**
 * Takes one run that is due and has lanes, if each of its lanes has room. Claims of bounded runs queue behind one lock, so that a bound is never
 * exceeded; a holder whose lease ran out no longer counts.
 */
export async function claimBounded(db: Db, options: Omit<ClaimOptions, "limit">): Promise<Lease | undefined> {
  const { rows: waiting } = await sql`select from runs where due <= loop_now() and lanes <> '{}' limit 1`.execute(db);
  if (waiting.length === 0) return undefined;
  return inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('loopwright.lanes', 0))`.execute(tx);
    const { rows } = await sql<Row>`
      with full_lanes as (
        select l.name from lanes l
        where l.max_running <= (select count(*) from runs h where h.holder is not null and h.lanes @> array[l.name] and h.due > loop_now())
      ), c as (
        select id from runs
        where due <= loop_now() and lanes <> '{}' and (tries < ${sql.lit(SUSPECT_AFTER)} or ${options.suspects !== 0}) and not lanes && coalesce((select array_agg(name) from full_lanes), '{}')
        order by due limit 1 for update skip locked
      )
      update runs r
      set fence = r.fence + 1, holder = ${options.holder}, due = loop_now() + ${options.leaseMs} * interval '1 millisecond', tries = r.tries + 1,
          state = 'running', started_at = coalesce(r.started_at, loop_now())
      from c where r.id = c.id
      returning r.id, r.fence, r.wake, r.tries`.execute(tx);
    return rows[0] && toLease(rows[0]);
  });
}

const toLease = (row: Row): Lease => ({ runId: row.id, fence: row.fence, wake: row.wake, tries: row.tries });
