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
