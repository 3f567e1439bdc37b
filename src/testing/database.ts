import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { launchPostgres } from "#src/database/launch.ts";
import { MIGRATIONS_FOLDER, migrate } from "#src/database/migrate.ts";
import { type Database, type Db, openDatabase } from "#src/database/open.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { silentLog } from "./silent-log.ts";

export interface TestDatabase {
  readonly db: Db;
  readonly url: string;
  /** Moves `loop_now()` of this database, for all connections. */
  advance(ms: number): Promise<void>;
}

/** A fresh, migrated database of its own, cloned from a template and dropped after the test. The cluster is that of the test run, or one of this file alone. */
export async function testDatabase(t: TestContext): Promise<TestDatabase> {
  const cluster = await clusterUrl();
  const name = `test_${randomBytes(8).toString("hex")}`;
  const template = await templateOf(cluster);
  await administer(cluster, `create database ${name} template ${template} strategy file_copy`); // a third of the time of the usual way where nothing is synced
  const url = withDatabase(cluster, name);
  const database = open(url);
  t.after(async () => {
    await database.close();
    await administer(cluster, `drop database if exists ${name} with (force)`);
  });
  return {
    db: database.db,
    url,
    advance: async (ms) => void (await sql`update loop_test_clock set ahead = ahead + ${ms} * interval '1 millisecond'`.execute(database.db)),
  };
}

function open(url: string): Database {
  return openDatabase({ url, poolSize: 10, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
}

let launched: Promise<string> | undefined;

function clusterUrl(): Promise<string> {
  const given = process.env["LOOP_TEST_DATABASE_URL"];
  return given ? Promise.resolve(given) : (launched ??= launchOwn());
}

async function launchOwn(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-test-"));
  stopLater.push(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o711); // Postgres never runs as root, and its user must get through
  const server = await launchPostgres({ folder: join(folder, "postgres"), log: silentLog, fsync: false });
  stopLater.unshift(() => server.stop());
  return server.url;
}

const stopLater: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stopLater) await stop();
});

const templates = new Map<string, Promise<string>>();

/** One template a cluster and set of migrations, made by whoever comes first. */
function templateOf(cluster: string): Promise<string> {
  let made = templates.get(cluster);
  if (made === undefined) templates.set(cluster, (made = makeTemplate(cluster)));
  return made;
}

const TEST_CLOCK = `
  create table loop_test_clock (ahead interval not null);
  insert into loop_test_clock values ('0');
  create or replace function loop_now() returns timestamptz language sql stable parallel safe as 'select now() + (select ahead from loop_test_clock)';`;

async function makeTemplate(cluster: string): Promise<string> {
  const name = `template_${(await migrationsDigest()).slice(0, 16)}`;
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(4747)");
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1 and datistemplate", [name]);
    if (rowCount === 1) return name;
    await client.query(`drop database if exists ${name} with (force)`);
    await client.query(`create database ${name}`);
    const database = open(withDatabase(cluster, name));
    await migrate(database.db);
    await sql.raw(TEST_CLOCK).execute(database.db);
    await database.close();
    await client.query(`alter database ${name} is_template true`);
    return name;
  } finally {
    await client.end();
  }
}

async function migrationsDigest(): Promise<string> {
  const names = (await readdir(MIGRATIONS_FOLDER)).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(MIGRATIONS_FOLDER, name), "utf8")));
  return sha256([...texts, TEST_CLOCK].join("\n"));
}

/** One statement on the cluster itself. */
export async function administer(cluster: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The address of another database of the same cluster. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.toString();
}
