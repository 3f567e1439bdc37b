import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** Adds the words of items written since the last call to the counts. Wants the index locked. Gives how many items that were. */
export async function countWords(tx: Transaction): Promise<number> {
  const { rows } = await sql<{ items: number }>`
    with fresh as (
      delete from brain_uncounted returning item_id
    ), counted as (
      select word, layer, scope, count(*) as items
      from fresh join brain_items on id = item_id cross join unnest(array_append(tsvector_to_array(words), '')) as word
      group by word, layer, scope
    ), raised as (
      insert into brain_words (word, layer, scope, items)
      select word, layer, scope, items from counted
      on conflict (word, layer, scope) do update set items = brain_words.items + excluded.items
    )
    select count(*) as items from fresh`.execute(tx);
  return rows[0]!.items;
}
