import { realpath } from "node:fs/promises";
import pg from "pg";
import { isSystemError } from "./postgres-account.ts";

/** busy: it is starting, stopping or out of connections. absent: nobody answers, or another server than this folder's. refused: it does not know our password. */
export type Answer = { kind: "ready"; version: string } | { kind: "busy" } | { kind: "absent" } | { kind: "refused"; cause: unknown };

interface Identity {
  readonly version: string;
  readonly folder: string;
  readonly complete: boolean;
}

/** SQLSTATEs: https://www.postgresql.org/docs/18/errcodes-appendix.html */
const OUT_OF_CONNECTIONS = "53300";
const SHUT_DOWN_MEANWHILE = "57P01";
const STARTING_OR_STOPPING = "57P03";
const NOT_AUTHORISED = ["28000", "28P01"];
const DATABASE_EXISTS = "42P04";

/** Asks the server at the address whether it serves this data folder, and makes the address's database in it when that is absent. */
export async function askServer(url: string, dataFolder: string): Promise<Answer> {
  const address = new URL(url);
  const database = address.pathname.slice(1);
  address.pathname = "/postgres";
  const client = new pg.Client({ connectionString: address.href, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined); // the call in progress reports it; without a listener the process would end
  try {
    await client.connect();
    const identity = await identityOf(client, database);
    if ((await realpath(identity.folder)) !== (await realpath(dataFolder))) return { kind: "absent" };
    if (!identity.complete) await createDatabase(client, database);
    return { kind: "ready", version: identity.version };
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) return { kind: "absent" }; // refused, reset, timed out, another protocol
    if (isSystemError(cause, ...NOT_AUTHORISED)) return { kind: "refused", cause };
    if (isSystemError(cause, OUT_OF_CONNECTIONS, SHUT_DOWN_MEANWHILE, STARTING_OR_STOPPING)) return { kind: "busy" };
    throw cause;
  } finally {
    await client.end();
  }
}

async function identityOf(client: pg.Client, database: string): Promise<Identity> {
  const { rows } = await client.query<Identity>(
    `select current_setting('server_version') as version, current_setting('data_directory') as folder,
            exists (select from pg_database where datname = $1) as complete`,
    [database],
  );
  if (!rows[0]) throw new Error("a select without from gave no row");
  return rows[0];
}

async function createDatabase(client: pg.Client, database: string): Promise<void> {
  try {
    await client.query(`create database ${client.escapeIdentifier(database)}`);
  } catch (cause) {
    if (!isSystemError(cause, DATABASE_EXISTS)) throw cause;
  }
}
