import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import pg from "pg";
import { testDatabase } from "#src/testing/database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { createNotifier, type Notifier } from "./notify.ts";

test("the first change is told at once, and many that follow are told once more", { timeout: 30_000 }, async (t) => {
  const { db, url } = await testDatabase(t);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  await other.query("listen loopwright");
  const notifier = createNotifier({ db, url, log: silentLog });
  try {
    await hearing(other, notifier);
  } finally {
    await notifier.close();
    await other.end();
  }
});

async function hearing(other: pg.Client, notifier: Notifier): Promise<void> {
  let heard = 0;
  other.on("notification", () => (heard += 1));
  let looks = 0;
  notifier.onChange(() => (looks += 1));
  const firstHeard = once(other, "notification");
  for (let made = 0; made < 50; made += 1) notifier.changed();
  assert.ok(looks >= 50);
  await firstHeard;
  if (heard < 2) await once(other, "notification");
  notifier.changed();
  await once(other, "notification");
  assert.equal(heard, 3);
}

test(
  "what leaves nobody anything to do is told only to those who read the record, here and elsewhere, and nobody hears himself again",
  { timeout: 30_000 },
  async (t) => {
    const { db, url } = await testDatabase(t);
    const [here, elsewhere] = [createNotifier({ db, url, log: silentLog }), createNotifier({ db, url, log: silentLog })];
    t.after(() => Promise.all([here.close(), elsewhere.close()]));
    const heard: string[] = [];
    let told = Promise.withResolvers<void>();
    here.onChange(() => heard.push("work here"));
    here.onChange(() => (heard.push("record here"), told.resolve()), "record");
    elsewhere.onChange(() => heard.push("work elsewhere"));
    elsewhere.onChange(() => (heard.push("record elsewhere"), told.resolve()), "record");
    for (; !heard.includes("record elsewhere") || !heard.includes("record here"); told = Promise.withResolvers()) await told.promise; // both listen
    for (const [what, expected] of [
      ["record", ["record here", "record elsewhere"]],
      ["work", ["work here", "record here", "work elsewhere", "record elsewhere"]],
    ] as const) {
      heard.length = 0;
      told = Promise.withResolvers<void>();
      here.changed(what);
      for (; !heard.includes("record elsewhere"); told = Promise.withResolvers()) await told.promise;
      assert.deepEqual(heard, expected);
    }
  },
);
