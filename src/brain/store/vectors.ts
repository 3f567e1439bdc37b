import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { PackedVector } from "../embedder.ts";
import type { Layer } from "../item.ts";

const TEXT_CHARACTERS = 8_000;

export interface UnembeddedItem {
  readonly id: string;
  readonly digest: string;
  readonly text: string;
}

/** Items that this embedder has no vector of, in order of id, after the given one. */
export async function readUnembedded(db: Db, page: { embedder: string; after: string; limit: number }): Promise<UnembeddedItem[]> {
  const { rows } = await sql<UnembeddedItem>`
    select id, digest, left(title || E'\n' || body, ${TEXT_CHARACTERS}::integer) as text
    from brain_items i
    where id > ${page.after} and (expires_at is null or expires_at > loop_now())
      and not exists (select from brain_vectors v where v.embedder = ${page.embedder} and v.item_id = i.id)
    order by id limit ${page.limit}`.execute(db);
  return rows;
}

export interface NewVector extends PackedVector {
  readonly itemId: string;
  /** Of the item as it was embedded; changed since, it gets no vector now. */
  readonly digest: string;
}

/** Gives how many were written. Wants the index locked. */
export async function insertVectors(tx: Transaction, set: { embedder: string; version: number; vectors: readonly NewVector[] }): Promise<number> {
  const ids = set.vectors.map((vector) => vector.itemId);
  const digests = set.vectors.map((vector) => vector.digest);
  const bytes = set.vectors.map((vector) => Buffer.from(vector.bytes.buffer, vector.bytes.byteOffset, vector.bytes.byteLength));
  const scales = set.vectors.map((vector) => vector.scale);
  const { rows } = await sql<{ item_id: string }>`
    insert into brain_vectors (embedder, item_id, layer, scope, vector, scale, version)
    select ${set.embedder}, i.id, i.layer, i.scope, asked.vector, asked.scale, ${set.version}
    from unnest(${ids}::text[], ${digests}::text[], ${bytes}::bytea[], ${scales}::real[]) as asked (id, digest, vector, scale)
    join brain_items i on i.id = asked.id and i.digest = asked.digest
    on conflict (embedder, item_id) do nothing
    returning item_id`.execute(tx);
  return rows.length;
}

/** Tells one state of the index from another, for caches: never the same for two databases of a server. */
export async function readVersion(db: Db | Transaction): Promise<{ database: string; version: number }> {
  const { rows } = await sql<{ database: string; version: number }>`
    select d.oid::text || ' ' || d.datname as database, i.version from brain_index i, pg_database d where d.datname = current_database()`.execute(db);
  return rows[0]!;
}

export async function countVectors(db: Db | Transaction, embedder: string): Promise<number> {
  const { rows } = await sql<{ vectors: number }>`select count(*) as vectors from brain_vectors where embedder = ${embedder}`.execute(db);
  return rows[0]!.vectors;
}

export interface StoredVector extends PackedVector {
  readonly itemId: string;
  readonly layer: Layer;
  readonly scope: string;
}

interface VectorRow {
  readonly item_id: string;
  readonly layer: Layer;
  readonly scope: string;
  readonly vector: Buffer;
  readonly scale: number;
}

/** Vectors written at a version after `since` and not after `until`, in order of id, after the given one. */
export async function readVectors(
  db: Db | Transaction,
  page: { embedder: string; since: number; until: number; after: string; limit: number },
): Promise<StoredVector[]> {
  const { rows } = await sql<VectorRow>`
    select item_id, layer, scope, vector, scale from brain_vectors
    where embedder = ${page.embedder} and version > ${page.since} and version <= ${page.until} and item_id > ${page.after}
    order by item_id limit ${page.limit}`.execute(db);
  return rows.map((row) => ({ itemId: row.item_id, layer: row.layer, scope: row.scope, scale: row.scale, bytes: toBytes(row.vector) }));
}

export const toBytes = (vector: Buffer): Int8Array => new Int8Array(vector.buffer, vector.byteOffset, vector.byteLength);
