import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { IndexedItem } from "../indexed.ts";

/** How many kilobytes of fresh entries the index of words may keep unsorted: a search reads all of them, while sorting them in at once takes several times as long. */
const PENDING_KILOBYTES = { aFew: 256, many: 65_536 } as const;

/**
 * Writes items with their tags; their words are counted later (`countWords`), and after many of them the index is settled (`settleIndex`). An id that is
 * there already is left as it is. Gives how many were written.
 */
export async function insertItems(tx: Transaction, items: readonly IndexedItem[], pending: keyof typeof PENDING_KILOBYTES): Promise<number> {
  const { rows } = await sql<{ item_id: string }>`
    with asked as materialized (
      select asked.* from set_config('gin_pending_list_limit', ${String(PENDING_KILOBYTES[pending])}, true), jsonb_to_recordset(${JSON.stringify(items)}::jsonb) as asked (
        id text, layer text, source text, title text, body text, phrases text[], data jsonb, labels jsonb, categories text[], scope text, trust text,
        author text, language text, digest text, happened_at timestamptz, expires_at timestamptz, words text[], tags text[])
    ), written as (
      insert into brain_items (id, layer, source, title, body, phrases, data, labels, categories, scope, trust, author, language, digest, happened_at, expires_at, words)
      select id, layer, source, title, body, phrases, data, labels, categories, scope, trust, author, language, digest, happened_at, expires_at, array_to_tsvector(words)
      from asked
      on conflict (id) do nothing
      returning id
    ), tagged as (
      insert into brain_tags (tag, layer, scope, happened_at, item_id)
      select tag, layer, scope, happened_at, id from asked join written using (id) cross join unnest(tags) as tag
    )
    insert into brain_uncounted (item_id) select id from written returning item_id`.execute(tx);
  return rows.length;
}
