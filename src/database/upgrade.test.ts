import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { getRollbackPlans, PgBoss } from "pg-boss";
import pg from "pg";
import { testDatabase } from "#src/testing/database.ts";
import { emptyDatabases } from "#src/testing/empty-database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { openHome } from "./home.ts";
import { lockName } from "./guard.ts";
import { tryLock } from "./lock.ts";
import { migrate, MIGRATIONS_FOLDER, pendingMigrations } from "./migrate.ts";
import { type Db, inTransaction } from "./open.ts";
import { migrateQueue, QUEUE_SCHEMA_VERSION, queueSchemaVersion } from "./queue-schema.ts";
import { backupsOf, openRecord } from "./record.ts";
import { restore } from "./restore.ts";
import { upgrade, upgradeAtStart } from "./upgrade.ts";

const LIMIT = { timeout: 120_000 };
const verifyJournal = () => Promise.resolve({ kind: "verified" } as const);

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-upgrade-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The migrations that an older program would have. */
async function firstMigrations(t: TestContext, count: number): Promise<string> {
  const folder = await temporaryFolder(t);
  const names = (await readdir(MIGRATIONS_FOLDER)).toSorted().slice(0, count);
  for (const name of names) await copyFile(join(MIGRATIONS_FOLDER, name), join(folder, name));
  return folder;
}

const MIGRATE = `
  const [url, folder] = process.argv.slice(1);
  const { openDatabase } = await import(${JSON.stringify(import.meta.resolve("./open.ts"))});
  const { migrate } = await import(${JSON.stringify(import.meta.resolve("./migrate.ts"))});
  const database = openDatabase({ url, poolSize: 2, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
  await migrate(database.db, folder);
  await database.close();`;

function migrateInChild(url: string, folder: string, env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, ["--input-type=module", "-e", MIGRATE, url, folder], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
}

const endOf = async (child: ChildProcess): Promise<string> => {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal ?? String(code);
};

async function tablesOf(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select nspname || '.' || relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where relkind in ('r', 'p') and not relispartition and (nspname = 'public' or (nspname = 'pgboss' and relname = 'job')) order by 1`.execute(db);
  return rows.map((row) => row.name);
}

test("a migration whose process is killed at any point leaves nothing or all of a step, and the next one completes it", LIMIT, async (t) => {
  const create = await emptyDatabases(t);
  const { db, url } = await create();
  const folder = await firstMigrations(t, 3);
  const trace = join(await temporaryFolder(t), "points");
  assert.equal(await endOf(migrateInChild((await create()).url, folder, { LOOP_FAILPOINT_TRACE: trace })), "0");
  const points = (await readFile(trace, "utf8")).trim().split("\n");
  const ofFiles = ["0001_time.sql", "0002_journal.sql", "0003_people.sql"].flatMap((name) => [`migrate.${name}.before`, `migrate.${name}.after`]);
  assert.deepEqual(points, ["migrate.locked", ...ofFiles, "migrate.tables_done", "migrate.queue_done"]);

  for (let point = 1; point <= 1 + ofFiles.length; point += 1) {
    assert.equal(await endOf(migrateInChild(url, folder, { LOOP_FAILPOINT_KILL_AT: String(point) })), "SIGKILL");
    assert.deepEqual(
      (await tablesOf(db)).filter((name) => !name.startsWith("public.kysely")),
      [],
      `after ${points[point - 1]}`,
    );
  }
  assert.equal(await endOf(migrateInChild(url, folder, { LOOP_FAILPOINT_KILL_AT: String(points.indexOf("migrate.tables_done") + 1) })), "SIGKILL");
  const ofTables = await tablesOf(db);
  assert.ok(ofTables.includes("public.principals") && !ofTables.includes("pgboss.job"));
  assert.equal(await endOf(migrateInChild(url, folder, { LOOP_FAILPOINT_KILL_AT: "3" })), "SIGKILL"); // locked, tables_done, queue_done
  assert.deepEqual(await tablesOf(db), ["pgboss.job", ...ofTables]);
  assert.deepEqual(await migrate(db, folder), { ran: [] });
});

test("a migration killed in the middle of its statements is undone by the database, and the next one completes it", LIMIT, async (t) => {
  const { db, url } = await (await emptyDatabases(t))();
  const folder = await firstMigrations(t, 2);
  await writeFile(join(folder, "0003_slow.sql"), "create table before_it (a int); select pg_advisory_xact_lock(4711); create table after_it (a int);");
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query("select pg_advisory_lock(4711)");
  const child = migrateInChild(url, folder);
  while ((await holder.query("select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted")).rowCount === 0);
  child.kill("SIGKILL");
  assert.equal(await endOf(child), "SIGKILL");
  await holder.end();
  assert.deepEqual((await migrate(db, folder)).ran, ["0001_time", "0002_journal", "0003_slow", "queue_0043"]);
  const tables = await tablesOf(db);
  assert.ok(tables.includes("public.before_it") && tables.includes("public.after_it"));
});

test("the job queue of an older program is brought forward, indexes and all, and that of a newer one is refused", LIMIT, async (t) => {
  const { db, url } = await testDatabase(t);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let version = QUEUE_SCHEMA_VERSION; version > 39; version -= 1) await client.query(getRollbackPlans("pgboss", version));
  assert.equal(await queueSchemaVersion(db), 39);
  assert.deepEqual((await pendingMigrations(db)).names, ["queue"]);
  assert.deepEqual((await migrate(db)).ran, ["queue_0043"]);
  const boss = new PgBoss({ connectionString: url, migrate: false, supervise: false, schedule: false, max: 1 });
  await boss.start();
  const { ok, missing, mismatched } = await boss.detectSchemaDrift();
  await boss.stop();
  assert.deepEqual({ ok, missing, mismatched }, { ok: true, missing: [], mismatched: [] });

  await client.query("update pgboss.version set version = 99");
  await client.end();
  await assert.rejects(migrate(db), { code: "database_newer", facts: { version: 99, known: QUEUE_SCHEMA_VERSION } });
});

test("an error in the script of the job queue leaves no half of it and a connection that still works", LIMIT, async (t) => {
  const { db } = await (await emptyDatabases(t))();
  await sql`create schema pgboss; create table pgboss.queue (name text)`.execute(db);
  await assert.rejects(
    db.connection().execute((connection) => migrateQueue(connection)),
    /queue/,
  );
  assert.deepEqual((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }]);
  assert.equal(await queueSchemaVersion(db), null);
});

test("an upgrade backs up first, and the older program gets its record back from that backup", LIMIT, async (t) => {
  const create = await emptyDatabases(t);
  const [{ db, url }, back] = [await create(), await create()];
  const old = await firstMigrations(t, 13);
  const [folder, backFolder] = [await temporaryFolder(t), await temporaryFolder(t)];
  const home = await openHome(join(folder, "home"));
  const workspaceFolder = join(folder, "workspace");
  await mkdir(workspaceFolder);
  await writeFile(join(workspaceFolder, "loop.yaml"), "name: old\n");
  await migrate(db, old);
  await inTransaction(
    db,
    async (tx) => void (await sql`insert into threads (id, surface, channel, external_id) values ('thr_1', 'cli', 'c', 'x')`.execute(tx)),
  );

  const backupFolder = join(home.folder, "backups");
  const places = { workspaceFolder, secretsKeyFile: join(home.keys, "secrets.key") };
  const options = { db, url, home, ...places, backupFolder, version: "0.2.0", log: silentLog, clock: heldClock() };
  const done = await upgrade(options);
  assert.equal(done.backupFile, join(backupFolder, "before-upgrade-2026-01-01T00-00-00-000Z.loopwright-backup"));
  assert.deepEqual(await pendingMigrations(db), { names: [], isNew: false });
  await assert.rejects(migrate(db, old), { code: "database_newer" });
  assert.deepEqual(await upgrade(options), { ran: [], backupFile: undefined });

  const backHome = await openHome(join(backFolder, "home"));
  await restore({
    file: done.backupFile!,
    url: back.url,
    home: backHome,
    workspaceFolder: join(backFolder, "workspace"),
    secretsKeyFile: join(backHome.keys, "secrets.key"),
    keys: "leave",
    log: silentLog,
    verifyJournal,
    migrationsFolder: old,
  });
  assert.deepEqual((await sql`select id from threads`.execute(back.db)).rows, [{ id: "thr_1" }]);
  assert.deepEqual(await migrate(back.db, old), { ran: [] });
  assert.deepEqual((await pendingMigrations(back.db)).names, done.ran);
});

test("a start with nothing to migrate does not wait for a backup, and a migration does", LIMIT, async (t) => {
  const { db, url } = await testDatabase(t);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("begin; select pg_advisory_xact_lock_shared(hashtextextended('loopwright.migrate', 0))");
  assert.deepEqual(await migrate(db), { ran: [] });
  await sql`drop schema pgboss cascade`.execute(db);
  let isDone = false;
  const migrating = migrate(db).finally(() => (isDone = true));
  const tries = () =>
    sql`select from pg_stat_activity where datname = current_database() and query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()`.execute(db);
  while ((await tries()).rows.length === 0);
  assert.equal(isDone, false);
  await client.query("commit");
  assert.deepEqual(await migrating, { ran: ["queue_0043"] });
  await client.end();
});

test("an upgrade is refused while a server is at work, and needs no backup where there is nothing yet", LIMIT, async (t) => {
  const { db, url } = await (await emptyDatabases(t))();
  const folder = await temporaryFolder(t);
  const home = await openHome(join(folder, "home"));
  const options = {
    db,
    url,
    home,
    workspaceFolder: folder,
    secretsKeyFile: "/nowhere",
    backupFolder: folder,
    version: "0.2.0",
    log: silentLog,
    clock: heldClock(),
  };
  const server = await tryLock(url, `home.${home.id}`, silentLog);
  await assert.rejects(upgrade(options), { code: "home_in_use" });
  await server!.release();
  const { ran, backupFile } = await upgrade(options);
  assert.deepEqual({ first: ran[0], backupFile }, { first: "0001_time", backupFile: undefined });
});

async function olderRecord(t: TestContext) {
  const create = await emptyDatabases(t);
  const { db, url } = await create();
  await migrate(db, await firstMigrations(t, 13));
  await inTransaction(
    db,
    async (tx) => void (await sql`insert into threads (id, surface, channel, external_id) values ('thr_1', 'cli', 'c', 'x')`.execute(tx)),
  );
  const folder = await temporaryFolder(t);
  const home = await openHome(join(folder, "home"));
  const places = { workspaceFolder: join(folder, "workspace"), secretsKeyFile: join(home.keys, "secrets.key"), version: "0.2.0", clock: heldClock() };
  await mkdir(places.workspaceFolder);
  return { create, db, url, home, places, folder };
}

test("a start on tables of an older version backs the home up first and says so; a new home and an ordinary start say nothing", LIMIT, async (t) => {
  const { create, db, url, home, places, folder } = await olderRecord(t);
  const said: string[] = [];
  const open = async (databaseUrl: string) => {
    const saves = { ...places, say: (sentence: string) => void said.push(sentence) };
    const record = await openRecord({
      home,
      log: silentLog,
      databaseUrl,
      prepare: true,
      exclusive: true,
      saves,
      onTaken: () => assert.fail("the home is ours"),
    });
    await record.close();
    return record.migrated;
  };
  const missing = (await pendingMigrations(db)).names;
  assert.deepEqual(await open(url), missing);
  const file = join(backupsOf(home), "before-upgrade-2026-01-01T00-00-00-000Z.loopwright-backup");
  assert.deepEqual(said.slice(1), [`Backed up: ${file}. The way back is in docs/upgrade.md.`]);
  assert.match(said[0]!, /older version: the whole home is backed up first/);
  assert.deepEqual(await open(url), []);
  const fresh = await create();
  assert.ok((await open(fresh.url)).length > 0);
  assert.equal(said.length, 2);

  const back = await create();
  const backHome = await openHome(join(folder, "back"));
  const keys = { keys: "leave", log: silentLog, verifyJournal } as const;
  const into = { workspaceFolder: join(folder, "back-workspace"), secretsKeyFile: join(backHome.keys, "secrets.key") };
  await restore({ file, url: back.url, home: backHome, ...into, ...keys });
  assert.deepEqual((await sql`select id from threads`.execute(back.db)).rows, [{ id: "thr_1" }]);
});

test("a process beside an older server changes nothing under it, and one beside a server that upgrades waits for that", LIMIT, async (t) => {
  const { db, url, home, places } = await olderRecord(t);
  const options = { ...places, db, url, home, log: silentLog, backupFolder: backupsOf(home), holdsHome: false };
  const before = (await pendingMigrations(db)).names;
  const server = await tryLock(url, lockName(home), silentLog);
  await assert.rejects(upgradeAtStart({ ...options, waitMs: 0 }), { code: "home_in_use", message: /older than this program/ });
  assert.deepEqual((await pendingMigrations(db)).names, before);
  const waiting = upgradeAtStart(options);
  const { ran } = await upgradeAtStart({ ...options, holdsHome: true });
  await server!.release();
  assert.deepEqual([ran, await waiting], [before, { ran: [], backupFile: undefined }]);
  assert.equal((await readdir(backupsOf(home))).length, 1);
});
