import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { testDatabase } from "#src/testing/database.ts";
import { deleteOldReplies, findReply, keepReply, type KeyedRequest, performKeyed, performTogether } from "./idempotency.ts";

const request: KeyedRequest = { principalId: "prn_1", key: "k", digest: "d" };

async function withEffects(db: Db) {
  await sql`create table effects (name text not null)`.execute(db);
  return {
    add: (on: Db, name: string) => inTransaction(on, async (tx) => void (await sql`insert into effects values (${name})`.execute(tx))),
    all: async () => (await sql<{ name: string }>`select name from effects order by name`.execute(db)).rows.map(({ name }) => name),
  };
}

test("the same request again gets the first reply and has no second effect", async (t) => {
  const { db } = await testDatabase(t);
  const effects = await withEffects(db);
  const once = (name: string) =>
    performKeyed(db, request, async (joined) => {
      await effects.add(joined, name);
      return { status: 201, text: name };
    });
  assert.deepEqual(await once("first"), { status: 201, text: "first", replayed: false });
  assert.deepEqual(await once("second"), { status: 201, text: "first", replayed: true });
  assert.deepEqual(await effects.all(), ["first"]);
});

test("of two at once the second waits and gets the reply of the first", async (t) => {
  const { db } = await testDatabase(t);
  const effects = await withEffects(db);
  const all = await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      performKeyed(db, request, async (joined) => {
        await effects.add(joined, name);
        return { status: 200, text: name };
      }),
    ),
  );
  assert.equal(all.filter(({ replayed }) => !replayed).length, 1);
  assert.equal(new Set(all.map(({ text }) => text)).size, 1);
  assert.equal((await effects.all()).length, 1);
});

test("another request under the key is refused; another principal has keys of its own", async (t) => {
  const { db } = await testDatabase(t);
  await keepReply(db, request, { status: 200, text: "mine" });
  const reused = (error: LoopError) => error.code === "idempotency_key_reused";
  await assert.rejects(
    performKeyed(db, { ...request, digest: "other" }, () => assert.fail()),
    reused,
  );
  await assert.rejects(findReply(db, { ...request, digest: "other" }), reused);
  await assert.rejects(keepReply(db, { ...request, digest: "other" }, { status: 200, text: "x" }), reused);
  assert.equal(await findReply(db, { ...request, principalId: "prn_2" }), undefined);
  assert.deepEqual(await keepReply(db, request, { status: 500, text: "later" }), { status: 200, text: "mine", replayed: true });
});

test("work that fails leaves neither effect nor reply, whatever transactions it opened", async (t) => {
  const { db } = await testDatabase(t);
  const effects = await withEffects(db);
  const failing = performKeyed(db, request, async (joined) => {
    await effects.add(joined, "first");
    await effects.add(joined, "second");
    throw new LoopError("run_not_open", "no");
  });
  await assert.rejects(failing, (error: LoopError) => error.code === "run_not_open");
  assert.deepEqual([await effects.all(), await findReply(db, request)], [[], undefined]);
});

test("a statement that lost a race inside makes the whole be tried again, not a part", async (t) => {
  const { db } = await testDatabase(t);
  const effects = await withEffects(db);
  let tries = 0;
  const done = await performTogether(db, async (joined) => {
    tries += 1;
    await effects.add(joined, `try ${tries}`);
    await inTransaction(joined, async (tx) => {
      if (tries === 1) await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(tx);
    });
    return tries;
  });
  assert.equal(done, 2);
  assert.deepEqual(await effects.all(), ["try 2"]);
});

test("old replies are forgotten and young ones kept", async (t) => {
  const { db, advance } = await testDatabase(t);
  await keepReply(db, request, { status: 200, text: "old" });
  await advance(60_000);
  await keepReply(db, { ...request, key: "young" }, { status: 200, text: "young" });
  assert.equal(await deleteOldReplies(db, 30_000), 1);
  assert.equal(await findReply(db, request), undefined);
  assert.equal((await findReply(db, { ...request, key: "young" }))?.text, "young");
});
