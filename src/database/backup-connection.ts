import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Log } from "#src/kernel/log.ts";
import { type Db, types } from "./open.ts";

/** The text form of every value depends on these; a restore reads under the same. The limits of a server's session are lifted: a copy may take long. */
const SETTINGS = `
  select set_config(name, value, true) from (values
    ('DateStyle', 'ISO, YMD'), ('TimeZone', 'UTC'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'), ('bytea_output', 'hex'), ('client_encoding', 'UTF8'),
    ('statement_timeout', '0'), ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('transaction_timeout', '0'), ('maintenance_work_mem', '256MB')
  ) s (name, value) where exists (select from pg_settings p where lower(p.name) = lower(s.name))`;

/** One connection outside every pool. The caller ends it. */
export async function connectForCopy(url: string, purpose: string, log: Log): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: `loopwright ${purpose}`, keepAlive: true });
  client.on("error", (error) => log.debug("the connection of a copy broke", { purpose, error })); // whoever waits for a statement gets it too
  await client.connect();
  return client;
}

/** First in the transaction that copies. All is set, and every lock taken, for a transaction: behind a pooler a session is nobody's. */
export async function prepareForCopy(client: pg.Client): Promise<void> {
  await client.query(SETTINGS);
}

/** The same connection, for functions that take a {@link Db}: inside its transaction they see what it sees. Nobody ends it through this. */
export function borrowedDb(client: pg.Client): Db {
  const query = (text: string, values: unknown[] = []) => client.query({ text, values, types });
  const pool = { connect: () => Promise.resolve({ query, release: () => undefined }), end: () => Promise.resolve() };
  return new Kysely<Record<never, never>>({ dialect: new PostgresDialect({ pool: pool as unknown as pg.Pool }) });
}

export const quote = (name: string): string => pg.escapeIdentifier(name);
