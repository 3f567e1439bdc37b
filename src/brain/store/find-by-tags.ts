import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Layer } from "../item.ts";
import type { Sight } from "./sight.ts";

export interface TagSearch extends Sight {
  readonly layers: readonly Layer[];
  readonly tags: readonly string[];
  readonly limitPerTag: number;
}

/** Ids of the newest items of each layer, scope and tag. */
export async function findByTags(db: Db | Transaction, search: TagSearch): Promise<string[]> {
  if (search.tags.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select distinct found.id
    from unnest(${search.tags}::text[]) as asked (tag)
    cross join unnest(${search.layers}::text[]) as wanted (layer)
    cross join unnest(${search.scopes}::text[]) as seen (scope)
    cross join lateral (
      select t.item_id as id from brain_tags t join brain_items i on i.id = t.item_id
      where t.tag = asked.tag and t.layer = wanted.layer and t.scope = seen.scope
        and (i.expires_at is null or i.expires_at > loop_now())
        and (t.happened_at is null or t.happened_at >= loop_now() - ${search.maxAgeMs} * interval '1 millisecond')
      order by t.happened_at desc nulls last, t.item_id
      limit ${search.limitPerTag}
    ) as found`.execute(db);
  return rows.map((row) => row.id);
}
