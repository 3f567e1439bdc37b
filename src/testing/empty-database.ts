import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";
import { type Db, openDatabase } from "#src/database/open.ts";
import { administer, testDatabase, withDatabase } from "./database.ts";

let known: string | undefined;

/** Databases with nothing in them, beside those of the tests, for what makes its own tables. Dropped after the test. */
export async function emptyDatabases(t: TestContext): Promise<() => Promise<{ readonly url: string; readonly db: Db }>> {
  const cluster = (known ??= withDatabase((await testDatabase(t)).url, "postgres"));
  return async () => {
    const name = `test_${randomBytes(8).toString("hex")}`;
    await administer(cluster, `create database ${name}`);
    const url = withDatabase(cluster, name);
    const database = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
    t.after(async () => {
      await database.close();
      await administer(cluster, `drop database if exists ${name} with (force)`);
    });
    return { url, db: database.db };
  };
}
