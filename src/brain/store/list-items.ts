import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { toItem, type ItemRow } from "./item-row.ts";
import type { BrainItem, Labels, Layer } from "../item.ts";

export interface ItemQuery {
  /** Left out: every layer. */
  readonly layers?: readonly Layer[];
  /** Only what one of these scopes may see. */
  readonly scopes: readonly string[];
  /** Only items that have all of these. */
  readonly labels?: Labels;
  /** The id of the last item of the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** What is known, in order of id, which begins with the layer of file items. Expired items are left out. */
export async function listItems(db: Db | Transaction, query: ItemQuery): Promise<BrainItem[]> {
  const { rows } = await sql<ItemRow>`
    select id, layer, source, title, body, phrases, data, labels, categories, scope, trust, author, language, digest, happened_at, expires_at
    from brain_items
    where scope = any(${query.scopes}::text[])
      and (${query.layers ?? null}::text[] is null or layer = any(${query.layers ?? null}::text[]))
      and labels @> ${JSON.stringify(query.labels ?? {})}::jsonb
      and id > ${query.after ?? ""}
      and (expires_at is null or expires_at > loop_now())
    order by id limit ${query.limit}`.execute(db);
  return rows.map(toItem);
}
