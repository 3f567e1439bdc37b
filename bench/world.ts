import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { launchPostgres } from "#src/database/launch.ts";
import { migrate } from "#src/database/migrate.ts";
import { type Database, openDatabase } from "#src/database/open.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { signerOf } from "#src/journal/signing.ts";
import { registerKey } from "#src/journal/store/keys.ts";

/** A Postgres of its own with fsync on, migrated, and a one-row probe table. */
export interface World {
  readonly database: Database;
  readonly url: string;
  readonly folder: string;
  readonly signer: ReturnType<typeof signerOf>;
  /** One-row INSERT by node-postgres, one client, `count` of them: milliseconds each. */
  insertOnce(count: number): Promise<number>;
  /** One-row INSERTs by `clients` at once: inserts a second. */
  insertRate(clients: number, count: number): Promise<number>;
  /** fsync, synchronous_commit, full_page_writes as the server says. */
  readonly honesty: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-bench-"));
  await chmod(folder, 0o711);
  const postgres = await launchPostgres({ folder: join(folder, "postgres"), log: silentLog });
  const database = openDatabase({ url: postgres.url, poolSize: 40, prepare: true, transactionTimeoutMs: 60_000, onIdleError: () => undefined });
  await migrate(database.db);
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(database.db, { ...signer, host: "bench" });
  await sql`create table bench_probe (id bigint generated always as identity primary key, text text not null)`.execute(database.db);
  const clients: pg.Client[] = [];
  const client = async (index: number): Promise<pg.Client> => {
    for (; clients.length <= index; ) {
      const made = new pg.Client({ connectionString: postgres.url });
      await made.connect();
      clients.push(made);
    }
    return clients[index]!;
  };
  const insert = (on: pg.Client) => on.query({ name: "probe", text: "insert into bench_probe (text) values ($1)", values: ["a row of forty characters, more or less"] });
  return {
    database,
    url: postgres.url,
    folder,
    signer,
    async insertOnce(count) {
      const on = await client(0);
      const startMs = performance.now();
      for (let made = 0; made < count; made += 1) await insert(on);
      return (performance.now() - startMs) / count;
    },
    async insertRate(width, count) {
      const all = await Promise.all(Array.from({ length: width }, (_, index) => client(index)));
      const startMs = performance.now();
      await Promise.all(
        all.map(async (on) => {
          for (let made = 0; made < count / width; made += 1) await insert(on);
        }),
      );
      return (count / (performance.now() - startMs)) * 1_000;
    },
    honesty: await settingsOf(database),
    async close() {
      await Promise.all(clients.map((open) => open.end()));
      await database.close();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function settingsOf({ db }: Database): Promise<Record<string, string>> {
  const { rows } = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version') order by name`.execute(db);
  return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
}
