import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { openAsks } from "#src/asks/store/read.ts";
import { type Case, judged, within } from "./harness/case.ts";
import { launchCluster } from "./harness/cluster.ts";
import { account, stepsIn, told } from "./harness/oracle.ts";
import { answerOne, hurry } from "./harness/people.ts";
import { openProxy } from "./harness/proxy.ts";
import { openServer } from "./harness/server.ts";
import { ms, quantile } from "./harness/statistics.ts";
import { openStorm, type Storm, stormScripts } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";
import { textOf } from "./harness/text.ts";

const MOST_CONNECTIONS = 30;

interface Hog {
  /** Connections that it holds. */
  readonly held: () => number;
  /** How often the server had none left for it. */
  readonly refused: () => number;
  release(): Promise<void>;
}

/** Takes every connection there is, and each that becomes free; cuts those of the others once, so that they must come again. */
function hog(url: string): Hog {
  const clients: pg.Client[] = [];
  let refused = 0;
  let taking = true;
  const take = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: url, application_name: "trial hog" });
    client.on("error", () => undefined);
    try {
      await client.connect();
      clients.push(client);
    } catch {
      refused += 1;
      await sleep(20);
    }
  };
  const loop = (async () => {
    while (taking && refused < 3) await take();
    await clients[0]?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name not in ('trial hog', 'trial') and backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    while (taking) await take();
  })();
  return {
    held: () => clients.length,
    refused: () => refused,
    async release() {
      taking = false;
      await loop;
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    },
  };
}

export const noConnections: Case = {
  id: "F20",
  title:
    "the database has no connection left: the server and an engine stay up, requests are refused with a reason, health says so, and work goes on when there are some again",
  short: true,
  limitMs: { short: 90_000, full: 150_000 },
  async run(world) {
    const folder = join(world.folder, "cluster");
    await mkdir(folder);
    const cluster = await launchCluster(folder, { maxConnections: MOST_CONNECTIONS });
    world.after(cluster.stop);
    const database = await cluster.database({ poolSize: 3 });
    world.after(database.close);
    const storm = await openStorm(world, { database });
    const engine = await storm.engine("engine-a", { poolSize: 5, leaseMs: 3_000, toolMs: 30 });
    const server = await openServer(world, {
      name: "server",
      home: join(world.folder, "home"),
      databaseUrl: database.url,
      env: { LOOP_ROLE: "api", LOOP_WORKSPACE: await storm.workspaceFolder() },
    });
    const scripts = stormScripts({ runs: 40, steps: 20 });
    await storm.queue(scripts);
    await sleep(500);
    const hogging = hog(database.url);
    await until(() => hogging.refused() > 5, { limitMs: 10_000 });
    const statuses: (number | undefined)[] = [];
    let degraded = "";
    const untilMs = performance.now() + (world.short ? 8_000 : 30_000);
    while (performance.now() < untilMs) {
      const [reply, health] = await Promise.all([
        server.call("POST /v1/tickets", { body: { text: "is anybody there?" }, timeoutMs: 15_000 }),
        server.call("GET /v1/health", { timeoutMs: 5_000 }),
      ]);
      statuses.push(reply?.status);
      degraded = textOf(health?.body["degraded"]) || degraded;
      await sleep(300);
    }
    const [held, refused] = [hogging.held(), hogging.refused()];
    await hogging.release();
    const freeMs = performance.now();
    const back = await until(async () => (await server.call("POST /v1/tickets", { body: { text: "and now?" }, timeoutMs: 5_000 }))?.status === 202, {
      limitMs: 20_000,
    });
    const backMs = performance.now() - freeMs;
    const finished = await storm.allEnded(60_000);
    const seen = await account(database.db, storm.effects, stepsIn(scripts));
    const unclear = statuses.filter((status) => status !== 503 && status !== 202).length;
    const refusals = statuses.filter((status) => status === 503).length;
    return judged({
      reached: refusals,
      wanted: 1,
      figure: `${held} of ${MOST_CONNECTIONS} connections taken, ${refused} times none was left; requests were answered ${[...new Set(statuses)].map((status) => status ?? "nothing").join(", ")}, health: "${degraded}", writing again ${ms(backMs)} after they were free, ${told(seen)}`,
      conditions: {
        "nobody ended": !engine.hasExited() && !server.child.hasExited(),
        "refused with a reason": unclear === 0,
        "health says so": degraded.includes("database"),
        "back within 5 s": back && within(backMs, 5_000),
        "all finished": finished,
        sound: seen.isSound,
      },
    });
  },
};

/** Answers asks one by one with a notification after each, and gives the milliseconds to the act. */
async function answerSome(storm: Storm, count: number): Promise<number[]> {
  const { db } = storm.database;
  const times: number[] = [];
  while (times.length < count) {
    const [ask] = await openAsks(db);
    if (!ask) {
      await sleep(20);
      continue;
    }
    await sleep(150); // the run has parked by now, so only a notification or a poll brings the engine back to it
    await answerOne(db, ask);
    const committedMs = performance.now();
    await hurry(db);
    await until(() => storm.outside.arrivedMs(ask.actId!) !== undefined, { limitMs: 10_000, everyMs: 5 });
    times.push((storm.outside.arrivedMs(ask.actId!) ?? Number.POSITIVE_INFINITY) - committedMs);
  }
  return times;
}

export const deafListener: Case = {
  id: "F23",
  title: "the connection that listens is dead and nobody says so: polling delivers within 5 s",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const storm = await openStorm(world);
    const proxy = await openProxy(storm.database.urlAs("engine-a"));
    world.after(proxy.close);
    const scripts = Array.from({ length: 10 }, () => "careful careful careful careful careful careful careful");
    await storm.engine("engine-a", { url: proxy.url });
    await storm.queue(scripts);
    const heard = await answerSome(storm, 15);
    const frozen = proxy.freeze(["toClient", "toServer"], " listening");
    const polled = await answerSome(storm, world.short ? 12 : 40);
    return judged({
      reached: frozen === 1 ? polled.length : 0,
      wanted: 10,
      figure: `wake → act p50 ${ms(quantile(heard, 0.5))}, most ${ms(Math.max(...heard))} while it was heard; p50 ${ms(quantile(polled, 0.5))}, most ${ms(Math.max(...polled))} with ${frozen} line half open`,
      conditions: { "within 5 s": within(Math.max(...polled), 5_000), "it made a difference": quantile(polled, 0.5) > quantile(heard, 0.5) },
    });
  },
};
