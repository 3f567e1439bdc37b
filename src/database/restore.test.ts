import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { emptyDatabases } from "#src/testing/empty-database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { backup, type BackupOptions } from "./backup.ts";
import type { BackupManifest } from "./backup-format.ts";
import { type Home, openHome } from "./home.ts";
import { migrate } from "./migrate.ts";
import { type Db, inTransaction } from "./open.ts";
import { createQueue } from "./queue.ts";
import { restore, type RestoreOptions } from "./restore.ts";

const LIMIT = { timeout: 120_000 };
const PASSPHRASE = "correct horse battery staple";
const verifyJournal = () => Promise.resolve({ kind: "verified" } as const);

interface Place {
  readonly db: Db;
  readonly url: string;
  readonly folder: string;
  readonly home: Home;
  readonly workspaceFolder: string;
  readonly secretsKeyFile: string;
}

async function place({ db, url }: { db: Db; url: string }, t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-restore-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const home = await openHome(join(folder, "home"));
  return { db, url, folder, home, workspaceFolder: join(folder, "work space"), secretsKeyFile: join(home.keys, "secrets.key") };
}

/** A home with something in all of it, and an empty one. */
async function twoPlaces(t: TestContext): Promise<{ from: Place; to: Place }> {
  const create = await emptyDatabases(t);
  const [from, to] = [await place(await create(), t), await place(await create(), t)];
  await migrate(from.db);
  await fillRecord(from.db);
  await mkdir(join(from.workspaceFolder, "sensors", "empty"), { recursive: true });
  await writeFile(join(from.workspaceFolder, "loop.yaml"), "name: from\n");
  await writeFile(join(from.workspaceFolder, "sensors", "météo.sh"), "#!/bin/sh\necho {}\n");
  await chmod(join(from.workspaceFolder, "sensors", "météo.sh"), 0o755);
  await writeFile(join(from.home.keys, "signing.pem"), "the signing key\n", { mode: 0o600 });
  await writeFile(from.secretsKeyFile, "the sealing key\n", { mode: 0o600 });
  return { from, to };
}

/** Values that a careless copy would change. */
async function fillRecord(db: Db): Promise<void> {
  const text = "tab\t, line\n, return\r, back\\slash, \\N, 'quote', 濕氣 🌀, null";
  await sql`insert into principals (id, handle, kind, display_name, roles, languages, labels, created_at) values
    ('prn_1', 'ana', 'person', ${text}, ${["a,b", 'c"d', "", "NULL", "{}"]}, '{}', ${JSON.stringify({ big: "x", nested: [1e300, -0.1, "\u0001"] })}, '2026-03-29 01:02:03.456789+02'),
    ('prn_2', 'rui', 'person', '', '{}', '{}', '{}', 'infinity')`.execute(db);
  await sql`insert into tickets (status, id, title, body, source, sender, trust, agent, route_reason, labels, triage) values
    ('new', 'tic_1', ${text}, '', 'cli', 'x', 'outside', 'desk', 'r', '{"a": 12345678901234567890.5}', null)`.execute(db);
  await sql`insert into runs (id, ticket_id, agent, runner, procedure, state, limits, revision, holder, due, fence) values
    ('run_held', 'tic_1', 'desk', 'rules', 'desk', 'running', '{}', 1, 'old:1', loop_now() + interval '1 hour', 7),
    ('run_waits', 'tic_1', 'desk', 'rules', 'desk', 'waiting', '{}', 1, null, null, 3)`.execute(db);
  await sql`insert into timers (id, run_id, due_at, cause) values ('tmr_1', 'run_waits', '2030-01-01 00:00:00.000001Z', 'reminder')`.execute(db);
  await sql`insert into events (kind, at, actor, head) values ('a.b', loop_now(), 'x', '{}'), ('c.d', loop_now(), 'x', '{}')`.execute(db);
  await sql`insert into blobs (digest, content) values ('every byte', ${Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))}), ('none', '')`.execute(
    db,
  );
  await sql`insert into ledger (act_id, attempt, agent, labels, cost_nanos, reserved_nanos, state) values
    ('act_1', 1, 'desk', '{}', 9007199254740993, 5, 'settled'), ('act_2', 1, 'desk', '{}', null, 9007199254740993, 'reserved')`.execute(db);
  await sql`insert into brain_items (id, layer, source, title, body, phrases, data, labels, categories, scope, trust, digest, words) values
    ('mem_1', 'lesson', 's', 't', 'b', '{}', '{}', '{}', '{}', 'workspace', 'owner', 'd', to_tsvector('simple', 'it''s a \\ "word"'))`.execute(db);
  await sql`insert into brain_vectors (embedder, item_id, layer, scope, vector, scale, version) values ('e', 'mem_1', 'lesson', 'workspace', '\\x00ff', 0.1, 1)`.execute(
    db,
  );
  await sql`insert into live_text (run_id, act_id, seq, text) values ('run_held', 'act_1', 1, 'being said')`.execute(db);
}

const backupOf = (from: Place, more: Partial<BackupOptions> = {}): Promise<BackupManifest> =>
  backup({ ...from, out: join(from.folder, "all.loopwright-backup"), version: "0.1.0", log: silentLog, clock: heldClock(), passphrase: PASSPHRASE, ...more });

const restoreTo = (from: Place, to: Place, more: Partial<RestoreOptions> = {}) =>
  restore({ ...to, file: join(from.folder, "all.loopwright-backup"), keys: { passphrase: PASSPHRASE }, log: silentLog, verifyJournal, ...more });

/** Every row of every table, as text, but those that a restore means to change. */
async function allRows(db: Db): Promise<Record<string, string[]>> {
  const { rows: tables } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence = 'p' and relname not like 'kysely%' order by 1`.execute(
    db,
  );
  const rows = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows: found } = await sql
        .raw<{ row: string }>(`select t::text as row from "${name}" t where t::text not like '(run_held%' order by 1`)
        .execute(db);
      return [name, found.map((row) => row.row)] as const;
    }),
  );
  return Object.fromEntries(rows);
}

async function definitions(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    select pg_get_indexdef(indexrelid) as text from pg_index join pg_class c on c.oid = indrelid where c.relnamespace = 'public'::regnamespace
    union all select conrelid::regclass || conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace order by 1`.execute(
    db,
  );
  return rows;
}

test("a home comes back from its backup as it was: every value, every file, the keys; and what was held goes on", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  const parts = new Set<string>();
  const manifest = await backupOf(from, { onProgress: ({ part }) => parts.add(part) });
  assert.ok(parts.has("table public.tickets") && parts.has("workspace"));
  const restored = await restoreTo(from, to);

  assert.deepEqual({ migrated: restored.migrated, keys: restored.keys, manifest: restored.manifest }, { migrated: [], keys: "restored", manifest });
  assert.deepEqual(await allRows(to.db), await allRows(from.db));
  assert.deepEqual(await definitions(to.db), await definitions(from.db));
  const { rows: held } = await sql`select holder, fence, due <= loop_now() as due, state from runs where id = 'run_held'`.execute(to.db);
  assert.deepEqual(held, [{ holder: null, fence: 8, due: true, state: "running" }]);
  assert.equal((await sql`select from live_text`.execute(to.db)).rows.length, 0);
  await sql`insert into events (kind, at, actor, head) values ('e.f', loop_now(), 'x', '{}')`.execute(to.db);
  assert.deepEqual((await sql`select id from events order by id`.execute(to.db)).rows, [{ id: 1 }, { id: 2 }, { id: 3 }]);

  assert.deepEqual((await readdir(to.workspaceFolder, { recursive: true })).toSorted(), ["loop.yaml", "sensors", "sensors/empty", "sensors/météo.sh"]);
  assert.equal((await stat(join(to.workspaceFolder, "sensors", "météo.sh"))).mode & 0o777, 0o755);
  assert.equal(await readFile(join(to.home.keys, "signing.pem"), "utf8"), "the signing key\n");
  assert.equal((await stat(to.secretsKeyFile)).mode & 0o777, 0o600);
  assert.equal((await openHome(to.home.folder)).id, from.home.id);
  assert.deepEqual((await readdir(to.folder)).toSorted(), ["home", "work space"]);
});

test("jobs that wait, jobs that somebody held, dead letters and schedules come along; jobs that are done do not", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  const open = (at: Place) => createQueue({ ...at, log: silentLog, supervises: false });
  const queue = open(from);
  await queue.start();
  for (const run of ["waits", "held", "dead", "done"]) await queue.enqueue(from.db, "learn", { run });
  await queue.schedule("backup", "0 3 * * *", { timeZone: "Asia/Taipei", missed: "once" });
  await queue.stop();
  await sql`update pgboss.job set state = case data ->> 'run' when 'held' then 'active'::pgboss.job_state when 'done' then 'completed' else state end`.execute(
    from.db,
  );
  await sql`update pgboss.job set name = 'dead_letters', source_name = 'learn', source_retry_count = 5, source_output = '{"message": "no"}' where data ->> 'run' = 'dead'`.execute(
    from.db,
  );
  await backupOf(from);
  await restoreTo(from, to);
  const { rows } = await sql`select name, data ->> 'run' as run, state::text from pgboss.job order by 2`.execute(to.db);
  assert.deepEqual(rows, [
    { name: "dead_letters", run: "dead", state: "created" },
    { name: "learn", run: "held", state: "retry" },
    { name: "learn", run: "waits", state: "created" },
  ]);
  assert.deepEqual((await sql`select name, cron, timezone, options ->> 'missed' as missed from pgboss.schedule`.execute(to.db)).rows, [
    { name: "backup", cron: "0 3 * * *", timezone: "Asia/Taipei", missed: "once" },
  ]);
  const again = open(to);
  await again.start();
  assert.deepEqual(
    (await again.deadLetters()).map((letter) => letter.error),
    ["no"],
  );
  await again.stop();
});

test("a backup under load is of one moment: what belongs together is there together or not at all", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  let writing = true;
  const write = async (writer: number): Promise<void> => {
    for (let number = 0; writing; number += 1) {
      const id = `${writer}_${number}`;
      await inTransaction(from.db, async (tx) => {
        await sql`insert into threads (id, surface, channel, external_id) values (${id}, 'load', 'c', ${id})`.execute(tx);
        await sql`insert into blobs (digest, content) values (${id}, ${Buffer.alloc(2_000, number)})`.execute(tx);
      });
    }
  };
  const writers = [write(1), write(2)];
  const count = async (db: Db): Promise<number> => (await sql<{ count: number }>`select count(*)::int from threads`.execute(db)).rows[0]!.count;
  while ((await count(from.db)) < 200);
  await backupOf(from);
  writing = false;
  await Promise.all(writers);
  await restoreTo(from, to);
  const { rows } = await sql<{
    alone: number;
  }>`select count(*)::int as alone from threads t full join (select * from blobs where digest like '%\\_%') b on b.digest = t.id where t.id is null or b.digest is null`.execute(
    to.db,
  );
  assert.deepEqual(rows, [{ alone: 0 }]);
  assert.ok((await count(to.db)) >= 200 && (await count(to.db)) < (await count(from.db)));
});

test("without a passphrase the keys stay at home and the backup says so; with one, only that one opens them", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  const bare = { ...from, out: join(from.folder, "bare.loopwright-backup"), version: "0.1.0", log: silentLog, clock: heldClock() };
  assert.equal((await backup(bare)).keys, "left out");
  await assert.rejects(backupOf(from, { passphrase: "short" }), { code: "input_invalid" });
  assert.equal((await backupOf(from)).keys, "sealed");
  await assert.rejects(restoreTo(from, to, { keys: { passphrase: "another" } }), { code: "backup_locked" });
  assert.deepEqual(await readdir(to.folder), ["home"]);
  assert.equal((await restoreTo(from, to, { keys: "leave" })).keys, "left behind");
  assert.deepEqual(await readdir(to.home.keys), []);
});

test("nothing is restored over anything, and what is in the way is named", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  await backupOf(from);
  await assert.rejects(backupOf(from), { code: "input_invalid", message: /already a file/ });
  await sql`create table somebodys (a int)`.execute(to.db);
  await assert.rejects(restoreTo(from, to), { code: "restore_target_taken", message: /public\.somebodys/ });
  await sql`drop table somebodys`.execute(to.db);
  await mkdir(to.workspaceFolder);
  await writeFile(join(to.workspaceFolder, "mine.md"), "mine");
  await assert.rejects(restoreTo(from, to), { code: "restore_target_taken", message: /work space is not empty/ });
  await rm(join(to.workspaceFolder, "mine.md"));
  await writeFile(join(to.home.keys, "signing.pem"), "another key\n");
  await assert.rejects(restoreTo(from, to), { code: "restore_target_taken", message: /signing\.pem/ });
  assert.equal(await readFile(join(to.home.keys, "signing.pem"), "utf8"), "another key\n");
  await rm(join(to.home.keys, "signing.pem"));
  assert.equal((await restoreTo(from, to)).keys, "restored");
});

test("a restore whose journal does not hold is taken back whole", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  await backupOf(from);
  const broken = () => Promise.resolve({ kind: "broken", position: 2, what: "the event was changed" } as const);
  await assert.rejects(restoreTo(from, to, { verifyJournal: broken }), { code: "backup_invalid", message: /position 2: the event was changed/ });
  assert.deepEqual((await sql`select relname from pg_class where relnamespace = 'public'::regnamespace`.execute(to.db)).rows, []);
  assert.deepEqual([await readdir(to.folder), await readdir(to.home.keys)], [["home"], []]);
  assert.equal((await openHome(to.home.folder)).id, to.home.id);
});

test("a restore whose last step the database refuses takes its files away again", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  await backupOf(from);
  const refusesCommit = async (db: Db) => {
    await sql`create table twice (a int unique deferrable initially deferred)`.execute(db);
    await sql`insert into twice values (1), (1)`.execute(db);
    return { kind: "verified" } as const;
  };
  await assert.rejects(restoreTo(from, to, { verifyJournal: refusesCommit }), { code: "23505" });
  assert.deepEqual([await readdir(to.folder), await readdir(to.home.keys)], [["home"], []]);
  assert.equal((await openHome(to.home.folder)).id, to.home.id);
});

const RESTORE = `
  const { restore } = await import(${JSON.stringify(import.meta.resolve("./restore.ts"))});
  const { silentLog } = await import(${JSON.stringify(import.meta.resolve("#src/testing/silent-log.ts"))});
  await restore({ ...JSON.parse(process.argv[1]), log: silentLog, verifyJournal: () => Promise.resolve({ kind: "verified" }) });`;

test("a restore killed before or after it placed the files can be made again, and then is whole", LIMIT, async (t) => {
  const { from, to } = await twoPlaces(t);
  const { migrations } = await backupOf(from);
  const { db: _db, ...options } = { ...to, file: join(from.folder, "all.loopwright-backup"), keys: { passphrase: PASSPHRASE } };
  const killedAt = async (point: number): Promise<unknown> => {
    const env = { ...process.env, LOOP_FAILPOINT_KILL_AT: String(point) };
    const child = spawn(process.execPath, ["--input-type=module", "-e", RESTORE, JSON.stringify(options)], {
      env,
      stdio: ["ignore", "inherit", "inherit"],
    });
    return (await once(child, "exit"))[1];
  };
  const loaded = 2 * migrations.length + 1; // a migration has a point before and one after
  assert.equal(await killedAt(loaded), "SIGKILL");
  assert.deepEqual((await readdir(to.home.keys)).length, 0);
  assert.equal(await killedAt(loaded + 1), "SIGKILL");
  assert.deepEqual((await readdir(to.home.keys)).toSorted(), ["secrets.key", "signing.pem"]);
  assert.ok((await readdir(to.workspaceFolder)).includes("loop.yaml"));
  assert.deepEqual((await sql`select relname from pg_class where relnamespace = 'public'::regnamespace`.execute(to.db)).rows, []);

  await restoreTo(from, { ...to, home: await openHome(to.home.folder) });
  assert.deepEqual(await allRows(to.db), await allRows(from.db));
});
