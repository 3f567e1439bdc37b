import { Kysely, PostgresDialect, sql, type Transaction as KyselyTransaction } from "kysely";
import pg from "pg";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** Statements are written in SQL, so no table types: each store says what its rows look like. */
type NoTables = Record<never, never>;
export type Db = Kysely<NoTables>;
export type Transaction = KyselyTransaction<NoTables>;

export interface Database {
  readonly db: Db;
  readonly url: string;
  /** False since a connection was refused, until one is given again. */
  isReachable(): boolean;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Connections at most; 10 or fewer in a server, so that many processes fit under max_connections. */
  readonly poolSize: number;
  /** Named prepared statements: off behind a pooler that works by transaction. */
  readonly prepare: boolean;
  readonly transactionTimeoutMs: number;
  /** A connection that broke while nobody used it. */
  readonly onIdleError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Opens a pool; the first statement connects. int8 comes back as a number (a bug is thrown when it would lose digits), timestamptz as Date, jsonb parsed. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 30_000,
    application_name: "loopwright",
    types,
    // The setting exists from Postgres 17 on; older servers get the two that it replaces.
    onConnect: (client) => {
      client.on("error", () => undefined); // cut between two statements of a transaction: the next statement says so
      return client.query(LIMITS, [String(options.transactionTimeoutMs)]) as unknown as void; // the pool waits for it, though its types do not say so
    },
  });
  let closing = false;
  pool.on("error", (error) => {
    if (!closing) options.onIdleError(error); // a server that stops with us says goodbye to each connection
  });
  let reachable = true;
  const connect = async (): Promise<pg.PoolClient> => {
    try {
      const client = await pool.connect();
      reachable = true;
      return client;
    } catch (error) {
      reachable = false;
      throw error;
    }
  };
  const dialect = new PostgresDialect({ pool: poolOf(options.prepare ? preparing(connect) : connect, pool) });
  const db = new Kysely<NoTables>({ dialect });
  const close = (): Promise<void> => {
    closing = true;
    return db.destroy();
  };
  return { db, url: options.url, isReachable: () => reachable, close };
}

const LIMITS = `
  select set_config(name, $1, false) from pg_settings
  where name = case when current_setting('server_version_num')::int >= 170000 then 'transaction_timeout' else 'statement_timeout' end
     or name = 'idle_in_transaction_session_timeout'`;

const INT8 = 20;

/** How values of the record are read, whoever opened the connection. */
export const types = { getTypeParser: parserOf as typeof pg.types.getTypeParser };

function parserOf(oid: number, format?: string): unknown {
  if (oid !== INT8) return pg.types.getTypeParser(oid, format as "text");
  return (text: string) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`an int8 beyond 2^53: ${text}`);
    return value;
  };
}

type Connect = () => Promise<Pick<pg.PoolClient, "query" | "release">>;

/** What the query builder needs of a pool. */
const poolOf = (connect: Connect, pool: pg.Pool): pg.Pool => ({ connect, end: () => pool.end() }) as unknown as pg.Pool;

/** Every text is constant, so a name per text gives each statement one plan per connection. */
function preparing(connect: () => Promise<pg.PoolClient>): Connect {
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    let name = names.get(text);
    if (name === undefined) names.set(text, (name = `s_${sha256(text).slice(0, 24)}`));
    return name;
  };
  const wrap = (client: pg.PoolClient) => ({
    query: (query: unknown, values?: unknown[]) =>
      typeof query === "string" && values !== undefined && values.length > 0
        ? client.query({ name: nameOf(query), text: query, values })
        : client.query(query as string, values),
    release: () => client.release(),
  });
  return async () => wrap(await connect()) as unknown as pg.PoolClient;
}

/** Conflicts that another try may not meet: serialization_failure, deadlock_detected, lock_not_available. */
const RETRYABLE_STATES = new Set(["40001", "40P01", "55P03"]);
const TRIES = 4;

/**
 * Runs the work in one transaction; again when Postgres says the same work may succeed. The work must therefore do nothing but statements.
 * @throws LoopError database_unavailable when the connection is gone; the work may then have been committed or not
 */
export async function inTransaction<T>(db: Db, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return retried(() => db.transaction().execute(work));
}

/** The same for work that is one statement, which needs no transaction around it. */
export async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt < TRIES && RETRYABLE_STATES.has(stateOf(error))) continue;
      throw named(error);
    }
  }
}

/** True for a lost or refused connection, a server that is starting or stopping, and too many connections. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof LoopError) return error.code === "database_unavailable";
  const state = stateOf(error);
  if (state.startsWith("08") || state.startsWith("57P") || state === "53300" || state === "25P04") return true;
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && ["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT", "ENOTFOUND"].includes(code)) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|connection error and is not queryable/.test(
    error.message,
  );
}

/** The server has no connection left for us. */
export const isOutOfConnections = (error: unknown): boolean =>
  stateOf(error) === "53300" || (error instanceof Error && error.cause !== undefined && isOutOfConnections(error.cause));

/** Disk full, out of memory, configured limit: class 53, and an I/O error of the server. */
export const isStorageFull = (error: unknown): boolean => ["53100", "53000", "58030"].includes(stateOf(error));

const stateOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && code.length === 5 ? code : "";
};

function named(error: unknown): unknown {
  if (error instanceof LoopError) return error;
  if (isStorageFull(error))
    return new LoopError("storage_full", "The database cannot write: its disk is full. Free space; work goes on by itself.", { cause: error });
  if (isConnectionLoss(error))
    return new LoopError("database_unavailable", "The database did not answer. It is tried again; if it stays so, see `loop doctor`.", { cause: error });
  return error;
}

/** The version as Postgres counts it (180004 is 18.4). @throws LoopError database_version_unsupported below 15 */
export async function requireVersion(db: Db): Promise<number> {
  const { rows } = await sql<{ version: number }>`select current_setting('server_version_num')::int as version`.execute(db);
  const version = rows[0]!.version;
  if (version >= 150_000) return version;
  throw new LoopError(
    "database_version_unsupported",
    `The database is PostgreSQL ${Math.floor(version / 10_000)}; Loopwright needs 15 or newer. Point DATABASE_URL at a newer server.`,
    {
      facts: { version },
    },
  );
}
