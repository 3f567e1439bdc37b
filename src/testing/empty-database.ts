import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import pg from "pg";
import { type Db, openDatabase } from "#src/database/open.ts";
import { testDatabase } from "./database.ts";

let known: string | undefined;

/** Databases with nothing in them, beside those of the tests, for what makes its own tables. Dropped after the test. */
export async function emptyDatabases(t: TestContext): Promise<() => Promise<{ readonly url: string; readonly db: Db }>> {
  const cluster = (known ??= named((await testDatabase(t)).url, "postgres"));
  return async () => {
    const name = `test_${randomBytes(8).toString("hex")}`;
    await administer(cluster, `create database ${name}`);
    const url = named(cluster, name);
    const database = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
    t.after(async () => {
      await database.close();
      await administer(cluster, `drop database if exists ${name} with (force)`);
    });
    return { url, db: database.db };
  };
}

function named(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

async function administer(cluster: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
