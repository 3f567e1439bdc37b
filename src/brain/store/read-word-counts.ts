import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Layer } from "../item.ts";

export interface WordCount {
  /** Empty: all items of the layer. */
  readonly word: string;
  readonly layer: Layer;
  readonly items: number;
}

/** How many items of each layer have each word, as far as these scopes see. */
export async function readWordCounts(
  db: Db | Transaction,
  of: { words: readonly string[]; layers: readonly Layer[]; scopes: readonly string[] },
): Promise<WordCount[]> {
  const { rows } = await sql<WordCount>`
    select word, layer, sum(items)::bigint as items from brain_words
    where word = any(${["", ...of.words]}::text[]) and layer = any(${of.layers}::text[]) and scope = any(${of.scopes}::text[])
    group by word, layer`.execute(db);
  return rows;
}
