import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

export interface StoredFile {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

/** Keeps files, each once. */
export async function insertAttachments(tx: Transaction, files: readonly StoredFile[]): Promise<void> {
  for (const { digest, mediaType, content } of files) {
    await sql`
      insert into attachments (digest, media_type, content) values (${digest}, ${mediaType}, ${Buffer.from(content)}) on conflict do nothing`.execute(tx);
  }
}

/** By digest; those that are kept. */
export async function readAttachments(db: Db, digests: readonly string[]): Promise<Map<string, Uint8Array>> {
  const { rows } = await sql<{ digest: string; content: Uint8Array }>`select digest, content from attachments where digest = any(${digests}::text[])`.execute(
    db,
  );
  return new Map(rows.map(({ digest, content }) => [digest, content]));
}
