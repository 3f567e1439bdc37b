import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import pg from "pg";
import { type Db, openDatabase } from "#src/database/open.ts";
import { testDatabase } from "./database.ts";

/** Databases with nothing in them, beside those of the tests, for what makes its own tables. Dropped after the test. */
export async function emptyDatabases(t: TestContext): Promise<() => Promise<{ readonly url: string; readonly db: Db }>> {
  const { url: cluster } = await testDatabase(t);
  return async () => {
    const name = `test_${randomBytes(8).toString("hex")}`;
    await administer(cluster, `create database ${name}`);
    const url = new URL(cluster);
    url.pathname = `/${name}`;
    const database = openDatabase({ url: url.toString(), poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
    t.after(async () => {
      await database.close();
      await administer(cluster, `drop database if exists ${name} with (force)`);
    });
    return { url: url.toString(), db: database.db };
  };
}

async function administer(cluster: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
