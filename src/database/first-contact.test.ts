import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { LoopError } from "#src/kernel/errors.ts";
import { emptyDatabases } from "#src/testing/empty-database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { openHome } from "./home.ts";
import { openRecord } from "./record.ts";

const SECRET = "s3cret-of-nobody";

async function homeOf(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-contact-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return openHome(folder);
}

test("a database that cannot be used says which one, what is wrong and what to do, and no password", async (t) => {
  const home = await homeOf(t);
  const { db, url } = await (await emptyDatabases(t))();
  const changed = (change: (url: URL) => void): string => {
    const next = new URL(url);
    change(next);
    return next.toString();
  };
  const poor = `poor_${new URL(url).pathname.slice(-8)}`;
  await sql.raw(`create role ${poor} login password '${SECRET}'`).execute(db);
  await sql`revoke create on schema public from public`.execute(db);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      changed((next) => (next.port = "1")),
      "database_unavailable",
      /^The database test_\w+ at [\w.]+:1 \(DATABASE_URL\) does not answer \(ECONNREFUSED\)\. Check host and port/,
    ],
    [changed((next) => (next.hostname = "nowhere.invalid")), "database_unavailable", /at nowhere\.invalid:\d+ .* does not answer \((ENOTFOUND|EAI_AGAIN)\)/],
    [changed((next) => (next.password = SECRET)), "settings_invalid", /refuses the account or its password \(28P01\)\. Put the right ones into DATABASE_URL/],
    [changed((next) => (next.pathname = "/none_such")), "settings_invalid", /none_such at .* has no database of that name \(3D000\)\. Make it with `createdb`/],
    [
      changed((next) => Object.assign(next, { username: poor, password: SECRET })),
      "settings_invalid",
      /may not make tables there \(42501\)\. Make it the owner of that database/,
    ],
  ];
  try {
    for (const [databaseUrl, code, words] of cases) {
      for (const exclusive of [true, false]) {
        const opening = openRecord({ home, log: silentLog, databaseUrl, prepare: true, exclusive, onTaken: () => assert.fail("the home is ours") });
        await assert.rejects(opening, (error) => {
          assert.ok(error instanceof LoopError, String(error));
          assert.equal(error.code, code);
          assert.match(error.message, words);
          assert.ok(!`${error.message} ${JSON.stringify(error.facts)}`.includes(SECRET));
          return true;
        });
      }
    }
  } finally {
    await sql.raw(`drop role ${poor}`).execute(db);
  }
});
