import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { PackedVector } from "../embedder.ts";
import type { Labels, Layer } from "../item.ts";
import { lexeme } from "./find-by-words.ts";
import type { Sight } from "./sight.ts";
import { toBytes } from "./vectors.ts";

const BODY_CHARACTERS = 4_000;

export interface CandidateRead extends Sight {
  readonly ids: readonly string[];
  readonly layers: readonly Layer[];
  readonly words: readonly string[];
  /** Whose vectors are wanted; null: none. */
  readonly embedder: string | null;
}

export interface Candidate {
  readonly id: string;
  readonly layer: Layer;
  readonly source: string;
  readonly title: string;
  /** The first 4,000 characters. */
  readonly body: string;
  readonly phrases: readonly string[];
  readonly labels: Labels;
  readonly categories: readonly string[];
  readonly trust: Trust;
  readonly happenedAtMs: number | null;
  readonly wordCount: number;
  /** Those of the words that the item has. */
  readonly found: readonly string[];
  readonly vector: PackedVector | null;
}

interface CandidateRow extends Omit<Candidate, "happenedAtMs" | "wordCount" | "vector"> {
  readonly happened_at: Date | null;
  readonly word_count: number;
  readonly vector: Buffer | null;
  readonly scale: number | null;
}

/** Reads what was found, by whatever way, under the scopes of the question: nothing else reaches an answer. */
export async function readCandidates(db: Db | Transaction, read: CandidateRead): Promise<Candidate[]> {
  const { rows } = await sql<CandidateRow>`
    with asked as materialized (
      select word, query::tsquery as query from unnest(${read.words}::text[], ${read.words.map(lexeme)}::text[]) as asked (word, query)
    )
    select i.id, i.layer, i.source, i.title, left(i.body, ${BODY_CHARACTERS}::integer) as body, i.phrases, i.labels, i.categories, i.trust, i.happened_at,
      length(i.words) as word_count, array(select asked.word from asked where i.words @@ asked.query) as found, v.vector, v.scale
    from brain_items i left join brain_vectors v on v.embedder = ${read.embedder} and v.item_id = i.id
    where i.id = any(${read.ids}::text[]) and i.layer = any(${read.layers}::text[]) and i.scope = any(${read.scopes}::text[])
      and (i.expires_at is null or i.expires_at > loop_now())
      and (i.happened_at is null or i.happened_at >= loop_now() - ${read.maxAgeMs} * interval '1 millisecond')`.execute(db);
  return rows.map(({ happened_at, word_count, vector, scale, ...same }) => ({
    ...same,
    happenedAtMs: happened_at?.getTime() ?? null,
    wordCount: word_count,
    vector: vector === null ? null : { bytes: toBytes(vector), scale: scale ?? 0 },
  }));
}
