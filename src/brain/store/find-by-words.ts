import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Layer } from "../item.ts";
import type { Sight } from "./sight.ts";

export interface WordSearch extends Sight {
  /** For each layer the words that bring an item in. */
  readonly layers: readonly { readonly layer: Layer; readonly words: readonly string[] }[];
  /** What the items are ranked by. */
  readonly ranking: readonly string[];
  readonly limitPerLayer: number;
}

/** Ids of the items that have the most of the ranking words, for each layer; a text of very many words counts for less. */
export async function findByWords(db: Db | Transaction, search: WordSearch): Promise<string[]> {
  const asked = search.layers.filter(({ words }) => words.length > 0);
  if (asked.length === 0) return [];
  const layers = asked.map(({ layer }) => layer);
  const queries = asked.map(({ words }) => anyOf(words));
  const { rows } = await sql<{ id: string }>`
    select found.id
    from unnest(${layers}::text[], ${queries}::text[]) as asked (layer, query)
    cross join lateral (
      select i.id from brain_items i
      where i.words @@ asked.query::tsquery and array[i.layer] @> array[asked.layer] and array[i.scope] && ${search.scopes}::text[]
        and (i.expires_at is null or i.expires_at > loop_now())
        and (i.happened_at is null or i.happened_at >= loop_now() - ${search.maxAgeMs} * interval '1 millisecond')
      order by ts_rank('{1,1,1,1}', i.words, ${anyOf(search.ranking)}::tsquery) * sqrt(sqrt(least(1, 250e0 / greatest(1, length(i.words))))) desc,
        i.happened_at desc nulls last, i.id
      limit ${search.limitPerLayer}
    ) as found`.execute(db);
  return rows.map((row) => row.id);
}

/** Quoted, so that nothing in a word is an operator. */
export const anyOf = (words: readonly string[]): string => words.map(lexeme).join(" | ");
export const lexeme = (word: string): string => `'${word.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
