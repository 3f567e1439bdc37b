import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Layer } from "../item.ts";
import { anyOf } from "./find-by-words.ts";
import type { Sight } from "./sight.ts";

export interface NewestSearch extends Sight {
  readonly layers: readonly Layer[];
  /** An item without any of these is left out. */
  readonly words: readonly string[];
  readonly ranking: readonly string[];
  /** How many of the newest items of each layer and scope are looked at. */
  readonly window: number;
  readonly limitPerLayer: number;
}

/** As `findByWords`, among the newest items only. */
export async function findNewest(db: Db | Transaction, search: NewestSearch): Promise<string[]> {
  if (search.layers.length === 0 || search.words.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    select found.id
    from unnest(${search.layers}::text[]) as asked (layer)
    cross join lateral (
      select newest.id
      from unnest(${search.scopes}::text[]) as seen (scope)
      cross join lateral (
        select i.id, i.words, i.happened_at, i.expires_at from brain_items i
        where i.layer = asked.layer and i.scope = seen.scope
        order by i.happened_at desc nulls last, i.id
        limit ${search.window}
      ) as newest
      where newest.words @@ ${anyOf(search.words)}::tsquery
        and (newest.expires_at is null or newest.expires_at > loop_now())
        and (newest.happened_at is null or newest.happened_at >= loop_now() - ${search.maxAgeMs} * interval '1 millisecond')
      order by ts_rank('{1,1,1,1}', newest.words, ${anyOf(search.ranking)}::tsquery) * sqrt(sqrt(least(1, 250e0 / greatest(1, length(newest.words))))) desc,
        newest.happened_at desc nulls last, newest.id
      limit ${search.limitPerLayer}
    ) as found`.execute(db);
  return rows.map((row) => row.id);
}
