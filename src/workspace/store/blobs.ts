import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import type { FileSet } from "../files.ts";

const BATCH_BYTES = 4_194_304;

/** Keeps each content once. In order of digest, so that two writers of the same files never wait for each other in a circle. */
export async function insertBlobs(tx: Transaction, files: FileSet): Promise<void> {
  const byDigest = new Map([...files.values()].map((content) => [sha256(content), content]));
  const missing = await missingBlobs(tx, [...byDigest.keys()].toSorted());
  let batch: string[] = [];
  let batchBytes = 0;
  for (const digest of missing) {
    batch.push(digest);
    batchBytes += byDigest.get(digest)!.length;
    if (batchBytes < BATCH_BYTES && digest !== missing.at(-1)) continue;
    await insertBatch(
      tx,
      batch,
      batch.map((each) => Buffer.from(byDigest.get(each)!)),
    );
    batch = [];
    batchBytes = 0;
  }
}

async function missingBlobs(tx: Transaction, digests: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ digest: string }>`
    select digest from unnest(${digests}::text[]) as wanted (digest)
    where not exists (select from blobs where blobs.digest = wanted.digest)
    order by digest collate "C"`.execute(tx);
  return rows.map((row) => row.digest);
}

async function insertBatch(tx: Transaction, digests: readonly string[], contents: readonly Buffer[]): Promise<void> {
  await sql`
    insert into blobs (digest, content)
    select digest, content from unnest(${digests}::text[], ${contents}::bytea[]) as given (digest, content)
    on conflict (digest) do nothing`.execute(tx);
}

/** The files of a revision; those whose content is lost are missing, and an unknown revision has none. */
export async function selectFiles(db: Db | Transaction, number: number): Promise<FileSet> {
  const { rows } = await sql<{ path: string; content: Buffer }>`
    select file.key as path, blobs.content
    from revisions, jsonb_each_text(revisions.files) as file, blobs
    where revisions.number = ${number} and blobs.digest = file.value
    order by file.key collate "C"`.execute(db);
  return new Map(rows.map((row) => [row.path, row.content]));
}

/** The contents of these digests; those that are lost are missing. */
export async function selectBlobs(db: Db | Transaction, digests: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const { rows } = await sql<{ digest: string; content: Buffer }>`select digest, content from blobs where digest = any(${digests}::text[])`.execute(db);
  return new Map(rows.map((row) => [row.digest, row.content]));
}
