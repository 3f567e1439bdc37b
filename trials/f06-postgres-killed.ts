import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, judged, within } from "./harness/case.ts";
import { connected } from "./harness/cluster.ts";
import { postmasterOf, urlOf } from "./harness/own-postgres.ts";
import { openServer, type Server } from "./harness/server.ts";
import { ms } from "./harness/statistics.ts";
import { until } from "./harness/wait.ts";
import { textOf } from "./harness/text.ts";

const MOST_MS = 5_000;

interface Round {
  readonly saidDegraded: boolean;
  readonly readyMs: number;
  readonly resumedMs: number;
}

const isReady = (home: string): Promise<boolean> =>
  urlOf(home)
    .then((url) => connected(url, (client) => client.query("select 1")))
    .then(() => true);

/** Kills the postmaster and watches the server find its way back. */
async function killOnce(server: Server, home: string): Promise<Round | undefined> {
  const pid = await postmasterOf(home);
  if (pid === undefined) return undefined;
  const killedMs = performance.now();
  process.kill(pid, "SIGKILL");
  let saidDegraded = false;
  let resumed = Number.POSITIVE_INFINITY;
  const watching = until(
    async () => {
      const health = await server.call("GET /v1/health", { timeoutMs: 2_000 });
      if (health?.status === 503 && textOf(health.body["degraded"]).includes("database")) saidDegraded = true;
      return resumed < Number.POSITIVE_INFINITY;
    },
    { limitMs: 40_000, everyMs: 20 },
  );
  const isBack = await until(async () => (await postmasterOf(home)) !== pid && (await isReady(home)), { limitMs: 30_000, everyMs: 25 });
  const readyMs = performance.now() - killedMs;
  const wrote =
    isBack &&
    (await until(async () => (await server.call("POST /v1/tickets", { body: { text: "are you back?" }, timeoutMs: 2_000 }))?.status === 202, {
      limitMs: 30_000,
      everyMs: 25,
    }));
  resumed = performance.now() - killedMs - readyMs;
  await watching;
  return { saidDegraded, readyMs: isBack ? readyMs : Number.POSITIVE_INFINITY, resumedMs: wrote ? resumed : Number.POSITIVE_INFINITY };
}

export const postgresKilled: Case = {
  id: "F06",
  title:
    "kill -9 of the server's own Postgres under load, again and again: the server stays up, says so, resumes within 5 s after the database is ready, and loses nothing",
  short: true,
  limitMs: { short: 150_000, full: 420_000 },
  async run(world) {
    const home = join(world.folder, "home");
    const server = await openServer(world, { name: "server", home });
    const acked = new Map<string, string>();
    let sending = true;
    const lanes = Array.from({ length: 3 }, async (_, lane) => {
      for (let index = 0; sending; index += 1) {
        const externalId = `m-${lane}-${index}`;
        while (sending) {
          const reply = await server.call("POST /v1/tickets", { body: { text: `message ${externalId}`, externalId }, timeoutMs: 5_000 });
          if (reply?.status === 202) {
            acked.set(externalId, textOf(reply.body["id"]));
            break;
          }
          await sleep(200);
        }
        await sleep(30);
      }
    });
    const rounds: Round[] = [];
    for (let round = 0; round < (world.short ? 3 : 10); round += 1) {
      await sleep(1_500);
      const seen = await killOnce(server, home);
      if (seen) rounds.push(seen);
      if (seen?.resumedMs === Number.POSITIVE_INFINITY) break;
    }
    sending = false;
    await Promise.all(lanes);
    const stayedUp = !server.child.hasExited();
    const counts = await urlOf(home)
      .then((url) =>
        connected(url, (client) =>
          client.query<{ id: string; n: number }>("select external_id as id, count(*)::int as n from deliveries join tickets t on t.id = ticket_id group by 1"),
        ),
      )
      .then(
        ({ rows }) => rows,
        () => [],
      );
    const present = new Map(counts.map((row) => [row.id, row.n]));
    const missing = [...acked.keys()].filter((id) => present.get(id) !== 1).length;
    const moved = await until(
      async () => (await server.list<{ state: string }>("/v1/runs?limit=200", "runs")).every((run) => run.state !== "queued" && run.state !== "running"),
      { limitMs: 40_000, everyMs: 500 },
    );
    const { code } = await server.child.stop();
    const worst = (of: (round: Round) => number): string => ms(Math.max(...rounds.map(of)));
    return judged({
      reached: rounds.length,
      wanted: world.short ? 3 : 10,
      figure: `killed ${rounds.length} times, the database was ready again after at most ${worst((round) => round.readyMs)}, work resumed at most ${worst((round) => round.resumedMs)} later, ${acked.size} messages acknowledged, ${missing} missing`,
      conditions: {
        "the server stays up": stayedUp,
        "says degraded": rounds.every((round) => round.saidDegraded),
        "starts its Postgres again": rounds.every((round) => round.readyMs < Number.POSITIVE_INFINITY),
        "resumes within 5 s": within(Math.max(...rounds.map((round) => round.resumedMs)), MOST_MS),
        "nothing lost": missing === 0,
        "the runs move on": moved,
        "stops cleanly": code === 0,
      },
    });
  },
};
