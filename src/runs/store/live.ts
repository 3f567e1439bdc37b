import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { ActId, RunId } from "#src/kernel/ids.ts";

export interface LivePiece {
  readonly runId: RunId;
  readonly actId: ActId;
  readonly seq: number;
  readonly text: string;
}

/** All pieces in one statement. A piece that is there already stays as it is. */
export async function appendLive(db: Db, pieces: readonly LivePiece[]): Promise<void> {
  const column = <K extends keyof LivePiece>(name: K) => pieces.map((piece) => piece[name]);
  await sql`
    insert into live_text (run_id, act_id, seq, text)
    select * from unnest(${column("runId")}::text[], ${column("actId")}::text[], ${column("seq")}::int[], ${column("text")}::text[])
    on conflict (act_id, seq) do nothing`.execute(db);
}

/** Forgets what was said under these acts before a number. */
export async function clearLive(db: Db, said: readonly { readonly actId: ActId; readonly before: number }[]): Promise<void> {
  await sql`
    delete from live_text l using unnest(${said.map(({ actId }) => actId)}::text[], ${said.map(({ before }) => before)}::int[]) as s (act_id, before)
    where l.act_id = s.act_id and l.seq < s.before`.execute(db);
}

/** Forgets what processes that died left: of acts that are not being performed, and of runs that have ended. Gives how many pieces. */
export async function sweepLive(db: Db): Promise<number> {
  const { rows } = await sql<{ act_id: string }>`
    delete from live_text l
    where not exists (select from acts a where a.id = l.act_id and a.state = 'started') or exists (select from runs r where r.id = l.run_id and r.ended_at is not null)
    returning act_id`.execute(db);
  return rows.length;
}

/** The pieces of a run from the last known one of each act on, in order. An act whose last known piece is missing has been cleared. */
export async function readLive(db: Db, runId: RunId, known: ReadonlyMap<ActId, number>): Promise<Omit<LivePiece, "runId">[]> {
  const { rows } = await sql<Omit<LivePiece, "runId">>`
    select l.act_id as "actId", l.seq, l.text
    from live_text l left join unnest(${[...known.keys()]}::text[], ${[...known.values()]}::int[]) as k (act_id, seq) on k.act_id = l.act_id
    where l.run_id = ${runId} and l.seq >= coalesce(k.seq, 0) order by l.act_id, l.seq`.execute(db);
  return rows;
}

/** Whether the run is moving or about to: neither parked nor ended. */
export async function isMoving(db: Db, runId: RunId): Promise<{ readonly state: string; readonly moving: boolean }> {
  const { rows } = await sql<{ state: string; moving: boolean }>`
    select state, state in ('queued', 'running') or (state = 'waiting' and due is not null) as moving from runs where id = ${runId}`.execute(db);
  return rows[0] ?? { state: "unknown", moving: false };
}
