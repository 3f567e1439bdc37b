import { randomBytes } from "node:crypto";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { launchPostgres, type PostgresServer } from "#src/database/launch.ts";
import { migrate } from "#src/database/migrate.ts";
import { type Database, type Db, openDatabase } from "#src/database/open.ts";
import { silentLog } from "#src/testing/silent-log.ts";

export interface TrialDatabase {
  readonly name: string;
  readonly url: string;
  readonly db: Db;
  /** The same database under another application name, so that the server can tell who wrote. */
  urlAs(application: string): string;
  /** Moves `loop_now()` of this database for all connections; only where it was asked for. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** One Postgres of the trials' own. */
export interface Cluster {
  readonly server: PostgresServer;
  /** The file that Postgres writes to. */
  readonly log: string;
  /** A connection of the trial's own, as superuser, outside every pool. */
  admin<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
  database(options?: { movableClock?: boolean; empty?: boolean; poolSize?: number }): Promise<TrialDatabase>;
  stop(): Promise<void>;
}

export async function launchCluster(folder: string, options: { maxConnections?: number; fsync?: boolean } = {}): Promise<Cluster> {
  await chmod(folder, 0o711); // as root Postgres runs under another account, which must get through
  const server = await launchPostgres({ folder: join(folder, "postgres"), log: silentLog, ...options });
  const admin = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => connected(server.url, work);
  let template: Promise<string> | undefined;
  return {
    server,
    log: join(folder, "postgres", "postgres.log"),
    admin,
    async database({ movableClock = false, empty = false, poolSize = 10 } = {}) {
      template ??= makeTemplate(server.url, admin);
      const name = `trial_${randomBytes(6).toString("hex")}`;
      const from = empty ? "template1" : await template;
      await admin((client) => client.query(`create database ${name} template ${from}`));
      const url = withPath(server.url, name);
      const database = open(url, poolSize);
      if (movableClock) await sql.raw(MOVABLE_CLOCK).execute(database.db);
      return {
        name,
        url,
        db: database.db,
        urlAs: (application) => withApplication(url, application),
        advance: async (ms) => void (await sql`update loop_test_clock set ahead = ahead + ${ms} * interval '1 millisecond'`.execute(database.db)),
        async close() {
          await database.close();
          await admin((client) => client.query(`drop database if exists ${name} with (force)`));
        },
      };
    },
    stop: () => server.stop(),
  };
}

export async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined); // a trial may cut it; the query in hand says so
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const open = (url: string, poolSize: number): Database =>
  openDatabase({ url: withApplication(url, "trial"), poolSize, prepare: true, transactionTimeoutMs: 60_000, onIdleError: () => undefined });

const MOVABLE_CLOCK = `
  create table loop_test_clock (ahead interval not null);
  insert into loop_test_clock values ('0');
  create or replace function loop_now() returns timestamptz language sql stable parallel safe as 'select now() + (select ahead from loop_test_clock)';`;

async function makeTemplate(cluster: string, admin: Cluster["admin"]): Promise<string> {
  const name = "trial_template";
  await admin((client) => client.query(`create database ${name}`));
  const database = open(withPath(cluster, name), 2);
  await migrate(database.db);
  await database.close();
  return name;
}

function withPath(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.toString();
}

function withApplication(url: string, application: string): string {
  const changed = new URL(url);
  changed.searchParams.set("application_name", application);
  return changed.toString();
}
