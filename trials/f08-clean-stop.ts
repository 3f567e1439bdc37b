import { join } from "node:path";
import { sql } from "kysely";
import { type Case, judged, within } from "./harness/case.ts";
import { account, countOf, stepsIn, told } from "./harness/oracle.ts";
import { isRunning, postmasterOf } from "./harness/own-postgres.ts";
import { ms } from "./harness/statistics.ts";
import { openServer } from "./harness/server.ts";
import { openStorm } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";
import { textOf } from "./harness/text.ts";

const MOST_MS = 10_000;

/** Acts that end within the grace time, and model calls and tool calls that do not. */
function scripts(runs: number): string[] {
  const kinds = ["slow:1500 findable", "slow:14000 findable", "think:14000 findable", "idempotent findable idempotent findable slow:400 findable"];
  return Array.from({ length: runs }, (_, index) => kinds[index % kinds.length]!);
}

export const engineStop: Case = {
  id: "F08-engine",
  title: "SIGTERM while acts are under way: what ends in time is drained, the rest is left as it is on record, exit 0 within 10 s, nothing is lost",
  short: true,
  limitMs: { short: 120_000, full: 150_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const all = scripts(world.short ? 16 : 48);
    const first = await storm.engine("engine-a", { slots: all.length, toolMs: 20 });
    await storm.queue(all);
    const underWay = (): Promise<number> => countOf(db, "select count(*) as n from acts where state = 'started'");
    await until(async () => (await underWay()) >= all.length / 2, { limitMs: 10_000, everyMs: 5 });
    const stoppedWith = await underWay();
    const startMs = performance.now();
    const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at from (select pg_sleep(0)) x`.execute(db);
    const { code, signal } = await first.stop();
    const tookMs = performance.now() - startMs;
    const begun = await countOf(db, `select count(*) as n from acts where started_at > '${rows[0]!.at.toISOString()}'::timestamptz + interval '500 ms'`);
    const stillHeld = await countOf(db, "select count(*) as n from runs where holder is not null");
    await storm.engine("engine-b", { slots: all.length });
    const finished = await storm.allEnded(70_000);
    const seen = await account(db, storm.effects, stepsIn(all));
    return judged({
      reached: stoppedWith,
      wanted: Math.floor(all.length / 2),
      figure: `${stoppedWith} acts under way, exit ${signal ?? code} after ${ms(tookMs)}, ${begun} acts begun after it, ${stillHeld} runs still held, ${told(seen)}`,
      conditions: {
        "exit 0": code === 0,
        "within 10 s": within(tookMs, MOST_MS),
        "no new work": begun === 0,
        "runs handed back": stillHeld === 0,
        "all finished": finished,
        sound: seen.isSound,
      },
    });
  },
};

export const deafStop: Case = {
  id: "F08-deaf",
  title: "SIGTERM while a tool takes no notice of its signal: the process ends all the same, within 10 s, and nothing is lost",
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const all = ["deaf:16000 findable", "idempotent slow:600 findable"];
    const first = await storm.engine("engine-a");
    await storm.queue(all);
    await until(async () => (await countOf(db, "select count(*) as n from acts where state = 'started' and name = 'effect.deaf'")) === 1, {
      limitMs: 10_000,
      everyMs: 5,
    });
    const startMs = performance.now();
    const { code, signal } = await first.stop();
    const tookMs = performance.now() - startMs;
    await storm.engine("engine-b");
    const finished = await storm.allEnded(60_000);
    const seen = await account(db, storm.effects, stepsIn(all));
    return judged({
      reached: 1,
      wanted: 1,
      figure: `exit ${signal ?? code} after ${ms(tookMs)}, ${told(seen)}`,
      conditions: { "exit 0": code === 0, "within 10 s": within(tookMs, MOST_MS), "all finished": finished, sound: seen.isSound },
    });
  },
};

export const serverStop: Case = {
  id: "F08-server",
  title:
    "SIGTERM of a server while feeds are read and messages come in: no new work, exit 0 within 10 s, its Postgres is gone, and every acknowledged message is there",
  short: true,
  limitMs: { short: 90_000, full: 120_000 },
  async run(world) {
    const home = join(world.folder, "home");
    const server = await openServer(world, { name: "first", home });
    const feeds = await Promise.all(Array.from({ length: 5 }, () => fetch(`${server.url}/v1/feed`, { headers: { authorization: `Bearer ${server.token}` } })));
    let sending = true;
    const acked: string[] = [];
    const lanes = Array.from({ length: 4 }, async (_, lane) => {
      for (let index = 0; sending; index += 1) {
        const reply = await server.call("POST /v1/tickets", {
          body: { text: `the shower drips, message ${lane}-${index}`, externalId: `s-${lane}-${index}` },
          timeoutMs: 5_000,
        });
        if (reply === undefined) break;
        if (reply.status === 202) acked.push(textOf(reply.body["id"]));
      }
    });
    await until(() => acked.length >= 20, { limitMs: 20_000 });
    const startMs = performance.now();
    const { code, signal } = await server.child.stop();
    const tookMs = performance.now() - startMs;
    sending = false;
    await Promise.all(lanes);
    const ended = await Promise.all(
      feeds.map((feed) =>
        feed.text().then(
          () => true,
          () => true,
        ),
      ),
    );
    const postmasterGone = !(await isRunning(await postmasterOf(home)));
    const again = await openServer(world, { name: "second", home });
    const missing: string[] = [];
    for (const id of acked) if ((await again.call(`GET /v1/tickets/${id}`))?.status !== 200) missing.push(id);
    const { code: secondCode } = await again.child.stop();
    return judged({
      reached: ended.length + (acked.length >= 20 ? 1 : 0),
      wanted: 6,
      figure: `exit ${signal ?? code} after ${ms(tookMs)} with 5 feeds open and ${acked.length} messages taken, ${missing.length} of them missing afterwards`,
      conditions: {
        "exit 0": code === 0 && secondCode === 0,
        "within 10 s": within(tookMs, MOST_MS),
        "Postgres gone": postmasterGone,
        "nothing lost": missing.length === 0,
      },
    });
  },
};
