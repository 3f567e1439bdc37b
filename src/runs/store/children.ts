import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { ChildEnd, RunStatus } from "../run.ts";

/** Oldest first. */
export async function childrenOf(db: Db | Transaction, runId: RunId): Promise<ChildEnd[]> {
  const { rows } = await sql<{ id: RunId; agent: string; state: RunStatus; reason: string | null; over: boolean; said: Json | null }>`
    select id, agent, state, reason, ended_at is not null as over,
      case when ended_at is not null then (select content from messages m where m.run_id = r.id and role = 'thought' order by seq desc limit 1) end as said
    from runs r where parent_run_id = ${runId} order by created_at, id`.execute(db);
  return rows.map(({ over, ...row }) => ({ ...row, isOver: over }));
}

/** How many runs one run has become, itself among them. */
export async function countTree(db: Db | Transaction, rootId: RunId): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    with recursive tree as (
      select id from runs where id = ${rootId} union all select r.id from runs r join tree t on r.parent_run_id = t.id
    ) select count(*)::int as n from tree`.execute(db);
  return rows[0]!.n;
}

/** Open runs whose parent has ended: nobody waits for them. */
export async function orphans(db: Db, limit: number): Promise<RunId[]> {
  const { rows } = await sql<{ id: RunId }>`
    select c.id from runs c join runs p on p.id = c.parent_run_id where c.ended_at is null and p.ended_at is not null limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}
