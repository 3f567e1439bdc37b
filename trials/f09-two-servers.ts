import { join } from "node:path";
import { sql } from "kysely";
import { type Case, judged, within } from "./harness/case.ts";
import { account, countOf, stepsIn, told } from "./harness/oracle.ts";
import { openServer, reach, startServer } from "./harness/server.ts";
import { ms } from "./harness/statistics.ts";
import { openStorm } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";
import { textOf } from "./harness/text.ts";

export const oneHome: Case = {
  id: "F09-home",
  title: "a second server on a home that is served: it refuses within 2 s and harms nothing; after kill -9 of the first it takes over",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const home = join(world.folder, "home");
    const first = await openServer(world, { name: "first", home });
    const sent = await first.call("POST /v1/tickets", { body: { text: "the door does not close" } });
    const startMs = performance.now();
    const second = await startServer(world, { name: "second", home });
    const { code } = await second.exited;
    const refusedMs = performance.now() - startMs;
    const refusal = second.said.find((one) => one.say === "refused");
    const unharmed = (await first.call("GET /v1/tickets"))?.status === 200;
    await first.child.kill();
    const third = await openServer(world, { name: "third", home });
    const kept = (await third.call(`GET /v1/tickets/${textOf(sent?.body["id"])}`))?.status === 200;
    const ended = await third.child.stop();
    return judged({
      reached: refusal ? 2 : 1,
      wanted: 2,
      figure: `refused with ${String(refusal?.["code"])} after ${ms(refusedMs)}; after the kill another server took the home with what was there`,
      conditions: {
        "it says why": refusal?.["code"] === "home_in_use" && code === 1,
        "within 2 s": within(refusedMs, 2_000),
        "the first goes on": unharmed,
        "taken over after the kill": kept,
        "stops cleanly": ended.code === 0,
      },
    });
  },
};

export const oneDatabase: Case = {
  id: "F09-database",
  title: "two servers of two homes start at once on one empty DATABASE_URL: both serve, one is the pulse, the other is after kill -9 of the first",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const rounds = world.short ? 4 : 10;
    const troubles: string[] = [];
    let most = 0;
    let handovers = 0;
    for (let round = 0; round < rounds; round += 1) {
      const database = await world.database({ empty: round % 2 === 1 });
      const children = await Promise.all(
        ["one", "two"].map((name) =>
          startServer(world, {
            name: `${name}-${round}`,
            home: join(world.folder, `${name}-${round}`),
            databaseUrl: database.url,
            env: { LOOP_ROLE: "api,pulse" },
          }),
        ),
      );
      const servers = (await Promise.all(children.map((child) => reach(child).catch((error: Error) => void troubles.push(error.message))))).filter(
        (server) => server !== undefined,
      );
      if (servers.length < 2) {
        await Promise.all(children.map((child) => child.kill()));
        continue;
      }
      const pulses = async (): Promise<number[]> => {
        const { rows } = await sql<{ pid: number }>`
          select l.pid from pg_locks l join pg_stat_activity a using (pid)
           where l.locktype = 'advisory' and l.granted and a.datname = current_database() and a.application_name = 'loopwright lock pulse'`.execute(
          database.db,
        );
        most = Math.max(most, rows.length);
        return rows.map((row) => row.pid);
      };
      await until(async () => (await pulses()).length === 1, { limitMs: 5_000 });
      const [before] = await pulses();
      for (const server of servers) {
        await server.child.kill();
        if (server === servers.at(-1)) break;
        if (await until(async () => (await pulses()).length === 1, { limitMs: 5_000, everyMs: 20 })) handovers += 1;
      }
      if (before === undefined) troubles.push("nobody was the pulse");
    }
    return judged({
      reached: handovers + troubles.length,
      wanted: rounds,
      figure: `${rounds} starts of two at once, ${handovers} handovers, at most ${most} pulse at a time${troubles.length > 0 ? `; ${troubles.join(" | ")}` : ""}`,
      conditions: { "both serve": troubles.length === 0, "never two pulses": most <= 1, "one after the kill": handovers === rounds },
    });
  },
};

export const timersOnce: Case = {
  id: "F09-pulse",
  title: "three engines with the role of the pulse, the one that has it is killed again and again: every timer fires, and fires once",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const runs = world.short ? 40 : 200;
    const scripts = Array.from({ length: runs }, (_, index) => `later:${400 + (index % 20) * 150}:a${index} later:${400 + (index % 20) * 150}:b${index}`);
    const children = new Map(
      (await Promise.all(["engine-a", "engine-b", "engine-c"].map((name) => storm.engine(name, { leaseMs: 2_000 })))).map((child) => [child.name, child]),
    );
    await storm.queue(scripts);
    const holderOfPulse = async (): Promise<string | undefined> => {
      const { rows } = await sql<{ pid: number; port: number }>`
        select l.pid, a.client_port as port from pg_locks l join pg_stat_activity a using (pid)
         where l.locktype = 'advisory' and l.granted and a.datname = current_database() and l.mode = 'ExclusiveLock' and a.query like '%pg_try_advisory_lock%'`.execute(
        db,
      );
      if (rows.length > 1) twice += 1;
      const { rows: named } = await sql<{ name: string }>`select application_name as name from pg_stat_activity where pid = ${rows[0]?.pid ?? 0}`.execute(db);
      return named[0]?.name;
    };
    let twice = 0;
    let kills = 0;
    const rounds = world.short ? 3 : 10;
    for (let round = 0; round < rounds; round += 1) {
      await until(async () => (await holderOfPulse()) !== undefined, { limitMs: 5_000, everyMs: 50 });
      await new Promise((resolve) => setTimeout(resolve, 700));
      const holder = await holderOfPulse();
      const child = holder === undefined ? undefined : children.get(holder);
      if (!child) continue;
      await child.kill();
      kills += 1;
      children.set(child.name, await storm.engine(child.name, { leaseMs: 2_000 }));
    }
    const finished = await storm.allEnded(60_000);
    const seen = await account(db, storm.effects, stepsIn(scripts));
    const fired = await countOf(db, "select sum(wake)::bigint as n from runs");
    const left = await countOf(db, "select count(*) as n from timers t join runs r on r.id = t.run_id where r.ended_at is null");
    const wrong = await countOf(db, "select count(*) as n from runs where wake > 2"); // none at all where the time was over before the run parked
    return judged({
      reached: kills,
      wanted: Math.ceil(rounds / 2),
      figure: `${2 * runs} times to wait for, ${fired} timers fired, ${wrong} runs woken more often than they have timers, ${left} left, ${kills} pulses killed, ${twice} moments with two, ${told(seen)}`,
      conditions: { "all finished": finished, "none fired twice": wrong === 0, "none lost": left === 0, "never two pulses": twice === 0, sound: seen.isSound },
    });
  },
};
