import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { testDatabase } from "#src/testing/database.ts";
import { migrate } from "./migrate.ts";

test("a migrated database has nothing left to migrate", async (t) => {
  const { db } = await testDatabase(t);
  assert.deepEqual(await migrate(db), { ran: [] });
});

test("a database of a newer program is refused, by name", async (t) => {
  const { db } = await testDatabase(t);
  await sql`insert into kysely_migration (name, timestamp) values ('9999_future', '2030-01-01')`.execute(db);
  await assert.rejects(migrate(db), { code: "database_newer", facts: { unknown: 1 } });
});

test("the test clock moves for every connection of its database", async (t) => {
  const { db, advance } = await testDatabase(t);
  await advance(86_400_000);
  const { rows } = await sql<{ ahead: boolean }>`select loop_now() - now() > interval '23 hours' as ahead`.execute(db);
  assert.deepEqual(rows, [{ ahead: true }]);
});
