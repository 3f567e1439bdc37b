import { sql } from "kysely";
import { type Instant, msOf } from "#src/database/instant.ts";
import type { Db } from "#src/database/open.ts";

const REVISIONS_LOOKED_AT = 100;

/** When each goal got the text that it has, by id; one that is older than the last 100 revisions counts from the first of them. */
export async function goalsWritten(db: Db): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ path: string; at: Date }>`
    select path, max(at) as at from (
      select file.key as path, file.value as digest, at, lag(file.value) over (partition by file.key order by number) as before
      from (select number, at, files from revisions order by number desc limit ${REVISIONS_LOOKED_AT}) lately, jsonb_each_text(files) as file
      where file.key like 'goals/%.md' and file.key not like 'goals/archive/%'
    ) versions where digest is distinct from before group by path`.execute(db);
  return new Map(rows.map(({ path, at }) => [path.slice("goals/".length, -".md".length), at.getTime()]));
}

/** When the workers of these goals, which have their names, began or had an ask answered last. */
export async function goalsWorkedOn(db: Db, goals: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ goal: string; at: Instant }>`
    select t.alias as goal, max(greatest(r.created_at, k.settled_at)) as at
    from tickets t join runs r on r.ticket_id = t.id left join asks k on k.run_id = r.id and k.settled_at is not null
    where t.alias = any(${goals}::text[]) group by t.alias`.execute(db);
  return new Map(rows.map(({ goal, at }) => [goal, msOf(at)]));
}
