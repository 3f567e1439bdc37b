import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { Log } from "#src/kernel/log.ts";
import { testDatabase } from "#src/testing/database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Db, inTransaction } from "./open.ts";
import { createQueue, type Queue, type QueueOptions } from "./queue.ts";
import { listDeadLetters } from "./queue-dead-letters.ts";
import { QUEUES } from "./queue-names.ts";

const AT_ONCE = { retries: 2, firstRetrySeconds: 0, longestRetrySeconds: 0, longestTrySeconds: 60 };
const LIMIT = { timeout: 60_000 };
const RULES = { ...QUEUES, learn: AT_ONCE };

async function startedQueue(t: TestContext, more: Partial<QueueOptions> = {}): Promise<{ db: Db; url: string; queue: Queue }> {
  const { db, url } = await testDatabase(t);
  const queue = createQueue({ db, url, log: silentLog, supervises: false, rules: RULES, ...more });
  await queue.start();
  t.after(() => queue.stop());
  return { db, url, queue };
}

/** Collects until there are enough. */
function collector<T>(wanted: number): { take(item: T): void; all: Promise<T[]> } {
  const items: T[] = [];
  const { promise, resolve } = Promise.withResolvers<T[]>();
  return {
    take(item) {
      items.push(item);
      if (items.length === wanted) resolve(items);
    },
    all: promise,
  };
}

test("a job enqueued in a transaction that is rolled back never was, and one that commits is worked once", LIMIT, async (t) => {
  const { db, queue } = await startedQueue(t);
  const failing = inTransaction(db, async (tx) => {
    await queue.enqueue(tx, "learn", { run: "gone" });
    throw new Error("the transition failed");
  });
  await assert.rejects(failing, /the transition failed/);
  const id = await inTransaction(db, (tx) => queue.enqueue(tx, "learn", { run: "kept" }));
  const seen = collector(1);
  await queue.work("learn", async ({ signal: _signal, ...job }) => seen.take(job), { concurrency: 1 });
  assert.deepEqual(await seen.all, [{ id, data: { run: "kept" }, tries: 1 }]);
  await queue.stop();
  const { rows } = await sql`select state::text, data from pgboss.job where name = 'learn'`.execute(db);
  assert.deepEqual(rows, [{ state: "completed", data: { run: "kept" } }]);
});

test("one slot works off all that waits without a poll between, in order, while a slow job holds only its own slot", LIMIT, async (t) => {
  const { db, queue } = await startedQueue(t);
  for (let number = 0; number < 40; number += 1) await queue.enqueue(db, "learn", { number });
  const slow = Promise.withResolvers<void>();
  const others = collector<number>(39);
  await queue.work<{ number: number }>("learn", async ({ data }) => (data.number === 0 ? slow.promise : others.take(data.number)), { concurrency: 2 });
  const started = performance.now();
  assert.deepEqual(
    await others.all,
    Array.from({ length: 39 }, (_, index) => index + 1),
  );
  assert.ok(performance.now() - started < 6_000, "each job waited for a poll");
  slow.resolve();
});

test("a job that fails each time is tried again, ends as a dead letter that everybody can see, and once redriven and fixed is done", LIMIT, async (t) => {
  const said: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => said.push(`warn ${message}`), error: (message) => said.push(`error ${message}`) };
  const { db, queue } = await startedQueue(t, { log });
  let isFixed = false;
  const tries = collector<string>(4);
  const id = await queue.enqueue(db, "learn", { run: "run_1" });
  const failed = async ({ tries: number }: { tries: number }): Promise<void> => {
    tries.take(`${isFixed ? "fixed" : "broken"} ${number}`);
    if (isFixed) return;
    throw new Error(`no such vendor (${number})`);
  };
  await queue.work("learn", failed, { concurrency: 1 });
  const [letter] = await untilSome(() => queue.deadLetters());
  const { id: letterId, at, enqueuedAt, ...facts } = letter!;
  assert.deepEqual(facts, { queue: "learn", data: '{"run": "run_1"}', tries: 3, error: "no such vendor (3)" });
  assert.ok(enqueuedAt <= at);
  assert.deepEqual(said, [
    "warn a job failed and is tried again",
    "warn a job failed and is tried again",
    "error a job failed for good and is now a dead letter",
  ]);

  isFixed = true;
  await queue.redrive(letterId);
  assert.deepEqual(await tries.all, ["broken 1", "broken 2", "broken 3", "fixed 1"]);
  assert.deepEqual(await listDeadLetters(db), []);
  await assert.rejects(queue.redrive(letterId), { code: "dead_letter_unknown" });
  await assert.rejects(queue.redrive("'; drop table runs"), { code: "dead_letter_unknown" });
  assert.notEqual(id, letterId);
});

/** The queue settles a job after its handler came back. */
async function untilSome<T>(look: () => Promise<T[]>): Promise<T[]> {
  for (;;) {
    const found = await look();
    if (found.length > 0) return found;
  }
}

test("a dead letter that somebody looked at can be discarded", LIMIT, async (t) => {
  const { db, queue } = await startedQueue(t, { rules: { ...RULES, learn: { ...AT_ONCE, retries: 0 } } });
  await queue.enqueue(db, "learn", { run: "run_1" });
  await queue.work("learn", () => Promise.reject(new Error("never")), { concurrency: 1 });
  const [letter] = await untilSome(() => queue.deadLetters());
  await queue.discard(letter!.id);
  assert.deepEqual(await queue.deadLetters(), []);
  await assert.rejects(queue.discard(letter!.id), { code: "dead_letter_unknown" });
});

test("the back-off, the dead letters and the times of keeping are those of the table, also when the table has changed since", LIMIT, async (t) => {
  const { db, url, queue } = await startedQueue(t);
  const settings = async () => {
    const { rows } = await sql`
      select retry_limit, retry_delay, retry_backoff, retry_delay_max, expire_seconds, deletion_seconds, heartbeat_seconds, dead_letter, notify, policy
      from pgboss.queue where name = 'learn'`.execute(db);
    return rows[0];
  };
  const fixed = { deletion_seconds: 60, heartbeat_seconds: 60, dead_letter: "dead_letters", notify: false, policy: "standard" };
  assert.deepEqual(await settings(), { retry_limit: 2, retry_delay: 0, retry_backoff: false, retry_delay_max: null, expire_seconds: 60, ...fixed });
  await queue.stop();
  const next = createQueue({ db, url, log: silentLog, supervises: false });
  await next.start();
  t.after(() => next.stop());
  assert.deepEqual(await settings(), { retry_limit: 5, retry_delay: 5, retry_backoff: true, retry_delay_max: 600, expire_seconds: 900, ...fixed });
});

test("a schedule that was missed while nobody ran is made up for once, or not at all, as it says", LIMIT, async (t) => {
  const { db, url, queue } = await startedQueue(t);
  const { rows } = await sql<{ hour: number }>`select extract(hour from loop_now() at time zone 'UTC' - interval '6 hours')::int as hour`.execute(db);
  const daily = `30 ${rows[0]!.hour} * * *`;
  await queue.schedule("backup", daily, { timeZone: "UTC", missed: "once", data: { what: "made up" } });
  await queue.schedule("retention", daily, { timeZone: "UTC", missed: "skip" });
  await sql`update pgboss.schedule set created_on = loop_now() - interval '9 days'`.execute(db);
  await sql`update pgboss.version set cron_on = loop_now() - interval '3 days'`.execute(db);
  await queue.stop();

  const next = createQueue({ db, url, log: silentLog, supervises: true, rules: RULES });
  await next.start();
  t.after(() => next.stop());
  const sent = await untilSome(
    async () => (await sql`select data ->> 'name' as queue, data -> 'data' as data from pgboss.job where name like '%send-it'`.execute(db)).rows,
  );
  assert.deepEqual(sent, [{ queue: "backup", data: { what: "made up" } }]);
});

test("a schedule that means nothing is refused with the words of what is wrong", LIMIT, async (t) => {
  const { queue } = await startedQueue(t);
  await assert.rejects(queue.schedule("backup", "every tuesday", { timeZone: "UTC", missed: "skip" }), { code: "input_invalid", message: /every tuesday/ });
  await assert.rejects(queue.schedule("backup", "0 3 * * *", { timeZone: "Asia/Taipeh", missed: "skip" }), { code: "input_invalid", message: /Asia\/Taipeh/ });
});

test("a job that runs when its process stops is told so, and is tried again by another", LIMIT, async (t) => {
  const { db, url, queue } = await startedQueue(t);
  const running = Promise.withResolvers<AbortSignal>();
  await queue.work(
    "learn",
    async ({ signal }) => {
      running.resolve(signal);
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("told to stop"))));
    },
    { concurrency: 1 },
  );
  const id = await queue.enqueue(db, "learn", { run: "run_1" });
  const signal = await running.promise;
  await queue.stop(50);
  assert.equal(signal.aborted, true);
  const next = createQueue({ db, url, log: silentLog, supervises: false, rules: RULES });
  await next.start();
  t.after(() => next.stop());
  const seen = collector(1);
  await next.work("learn", async (job) => seen.take({ id: job.id, tries: job.tries }), { concurrency: 1 });
  assert.deepEqual(await seen.all, [{ id, tries: 2 }]);
});
