import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Open asks that name this agent among who may answer, as they are answered: by alias where there is one. The oldest first. */
export async function answerableBy(db: Db, handle: string): Promise<{ readonly id: string }[]> {
  const { rows } = await sql<{ id: string }>`
    select coalesce(alias, id) as id from asks
    where state = 'open' and kind <> 'approval' and approvers -> 'agents' ? ${handle} order by created_at, id limit 1000`.execute(db);
  return rows;
}

export interface GoalTouch {
  readonly path: string;
  readonly atMs: number;
  /** Whoever wrote it last is an agent. */
  readonly byAgent: boolean;
}

const REVISIONS_LOOKED_AT = 500;

/** When each of these files was last written and by what kind of principal; those that were not within the last 500 revisions are left out. */
export async function goalTouches(db: Db, paths: readonly string[]): Promise<GoalTouch[]> {
  if (paths.length === 0) return [];
  const { rows } = await sql<GoalTouch>`
    select distinct on (path) path, (extract(epoch from at) * 1000)::float8 as "atMs", coalesce(p.kind = 'agent', false) as "byAgent"
    from (
      select path, number, at, author, files ->> path as digest, lag(files ->> path) over (partition by path order by number) as before
      from (select number, at, author, files from revisions order by number desc limit ${REVISIONS_LOOKED_AT}) lately, unnest(${paths}::text[]) as path
    ) versions left join principals p on p.id = versions.author
    where digest is distinct from before and digest is not null order by path, number desc`.execute(db);
  return rows;
}
