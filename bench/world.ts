import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import type { Db } from "#src/database/open.ts";
import { signerOf } from "#src/journal/signing.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import { type Child, type ChildOptions, startChild } from "../trials/harness/child.ts";
import { type Cluster, launchCluster, type TrialDatabase } from "../trials/harness/cluster.ts";

/** A Postgres of its own with fsync on, migrated, and a one-row probe table. */
export interface World {
  readonly short: boolean;
  readonly database: TrialDatabase;
  readonly url: string;
  readonly folder: string;
  readonly cluster: Cluster;
  readonly signer: ReturnType<typeof signerOf>;
  /** One-row INSERT by node-postgres, one client, `count` of them: milliseconds each. */
  insertOnce(count: number): Promise<number>;
  /** One-row INSERTs by `clients` at once: inserts a second. */
  insertRate(clients: number, count: number): Promise<number>;
  /** Calls that the clients of the probes have made to force the log to disk since the server started. */
  syncs(): Promise<number>;
  /** A migrated database of its own, gone with the world or before. */
  fresh(poolSize?: number): Promise<TrialDatabase>;
  /** An empty folder of its own, gone with the world. */
  empty(name: string): Promise<string>;
  /** Ended with the world, whatever became of it. */
  start(options: ChildOptions): Child;
  /** fsync, synchronous_commit, full_page_writes as the server says. */
  readonly honesty: Readonly<Record<string, string>>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

const POOL_SIZE = 40;
const MOST_CONNECTIONS = 180;

export async function makeWorld(options: { short: boolean }): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-bench-"));
  const cluster = await launchCluster(folder, { maxConnections: MOST_CONNECTIONS });
  const database = await cluster.database({ poolSize: POOL_SIZE });
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(database.db, { ...signer, host: "bench" });
  const probes = await openProbes(database);
  const ends: (() => Promise<unknown>)[] = [];
  let folders = 0;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end().catch(() => undefined);
    await probes.close();
    await database.close().catch(() => undefined); // the last check ends the server under it
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...options,
    ...probes,
    database,
    url: database.url,
    folder,
    cluster,
    signer,
    async fresh(poolSize = 10) {
      const made = await cluster.database({ poolSize });
      let ending: Promise<void> | undefined;
      const end = () => (ending ??= made.close());
      ends.push(end);
      return { ...made, close: end };
    },
    async empty(name) {
      const made = join(folder, `${name}-${(folders += 1)}`);
      await mkdir(made, { mode: 0o711 });
      return made;
    },
    start(child) {
      const started = startChild(child);
      ends.push(() => endOf(started));
      return started;
    },
    honesty: await settingsOf(database.db),
    close: () => (closing ??= close()),
  };
}

const STOP_LIMIT_MS = 15_000;

/** Asked first: a server that is killed leaves its Postgres behind. */
async function endOf(child: Child): Promise<void> {
  const limit = setTimeout(() => void child.kill(), STOP_LIMIT_MS);
  await child.stop();
  clearTimeout(limit);
}

type Probes = Pick<World, "insertOnce" | "insertRate" | "syncs" | "close">;

async function openProbes({ db, url }: TrialDatabase): Promise<Probes> {
  await sql`create table bench_probe (id bigint generated always as identity primary key, text text not null)`.execute(db);
  const clients: pg.Client[] = [];
  const client = async (index: number): Promise<pg.Client> => {
    while (clients.length <= index) {
      const made = new pg.Client({ connectionString: url });
      made.on("error", () => undefined); // the last check ends the server under it
      await made.connect();
      clients.push(made);
    }
    return clients[index]!;
  };
  return {
    async insertOnce(count) {
      const on = await client(0);
      const startMs = performance.now();
      for (let made = 0; made < count; made += 1) await insertProbe(on);
      return (performance.now() - startMs) / count;
    },
    async insertRate(width, count) {
      const all = await Promise.all(Array.from({ length: width }, (_, index) => client(index)));
      const startMs = performance.now();
      await Promise.all(
        all.map(async (on) => {
          for (let made = 0; made < count / width; made += 1) await insertProbe(on);
        }),
      );
      return (count / (performance.now() - startMs)) * 1_000;
    },
    async syncs() {
      for (const on of clients) await on.query("select pg_stat_force_next_flush()");
      const { rows } = await sql<{ syncs: number }>`
        select coalesce(sum(fsyncs), 0)::float8 as syncs from pg_stat_io where object = 'wal' and backend_type = 'client backend'`.execute(db);
      return rows[0]!.syncs;
    },
    async close() {
      await Promise.all(clients.map((open) => open.end().catch(() => undefined)));
    },
  };
}

/** One row, committed when it resolves. Gives its id. */
export async function insertProbe(on: pg.Client): Promise<string> {
  const { rows } = await on.query<{ id: string }>({
    name: "probe",
    text: "insert into bench_probe (text) values ($1) returning id",
    values: ["a row of forty characters, more or less"],
  });
  return rows[0]!.id;
}

async function settingsOf(db: Db): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version') order by name`.execute(db);
  return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
}
