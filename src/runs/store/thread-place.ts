import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** Where a thread is held. */
export interface ThreadPlace {
  readonly surface: string;
  readonly channel: string;
}

export async function readThreadPlace(db: Db, threadId: string): Promise<ThreadPlace | undefined> {
  const { rows } = await sql<ThreadPlace>`select surface, channel from threads where id = ${threadId}`.execute(db);
  return rows[0];
}
