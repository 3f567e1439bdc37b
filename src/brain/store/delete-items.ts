import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/**
 * Removes items of files, or those that only the record has, with their tags and vectors, and takes their words out of the counts. Wants the index locked and every word
 * counted. Gives how many there were.
 */
export async function deleteItems(tx: Transaction, ids: readonly string[], which: "files" | "kept"): Promise<number> {
  const { rows } = await sql<{ items: number }>`
    with gone as (
      delete from brain_items where id = any(${ids}::text[]) and (layer in ('lesson', 'memory')) = ${which === "kept"}
      returning layer, scope, words
    ), counted as (
      select word, layer, scope, count(*) as items
      from gone cross join unnest(array_append(tsvector_to_array(words), '')) as word
      group by word, layer, scope
    ), lowered as (
      update brain_words w set items = w.items - c.items
      from counted c
      where w.word = c.word and w.layer = c.layer and w.scope = c.scope
    )
    select count(*) as items from gone`.execute(tx);
  await sql`delete from brain_words where items <= 0`.execute(tx);
  return rows[0]!.items;
}
