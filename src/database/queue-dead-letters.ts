import { sql } from "kysely";
import type { Db } from "./open.ts";

/** A job that failed for good. */
export interface DeadLetter {
  /** What `redrive` and `discard` take. */
  readonly id: string;
  readonly queue: string;
  /** The data as JSON, cut at 300 characters. */
  readonly data: string;
  /** What the last try said. */
  readonly error: string;
  readonly tries: number;
  /** When it was first enqueued. */
  readonly enqueuedAt: Date;
  /** When it failed for good. */
  readonly at: Date;
}

/** Newest first. Needs no queue to run: any process that has the database may ask. */
export async function listDeadLetters(db: Db, limit: number = 100): Promise<DeadLetter[]> {
  const { rows } = await sql<DeadLetter>`
    select id, source_name as queue, left(data::text, 300) as data, source_retry_count + 1 as tries, source_created_on as "enqueuedAt", created_on as at,
           coalesce(source_output ->> 'message', source_output -> 'value' ->> 'message', source_output ->> 'value', source_output::text, '') as error
    from pgboss.job where name = 'dead_letters' and state < 'active' and source_name is not null
    order by created_on desc, id limit ${limit}`.execute(db);
  return rows;
}
