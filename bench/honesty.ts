import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { launchPostgres } from "#src/database/launch.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { connected } from "../trials/harness/cluster.ts";
import { bounded, type Line } from "./measure.ts";
import { canSeeProcesses, familyOf } from "./processes.ts";
import { insertProbe, type World } from "./world.ts";

const ALONE = 200;
const TOGETHER = 32;
const COMMITS_TOGETHER = 3_200;

/** Whether the figures can be believed: commits reach the disk, and what was acknowledged is there after the server was killed. The last of all: the server is another one afterwards. */
export async function honesty(world: World): Promise<Line[]> {
  return [...(await syncsPerCommit(world)), ...(canSeeProcesses ? [await acknowledgedAfterKill(world)] : [])];
}

/** One sync may serve as many commits as there are clients, and no more. */
async function syncsPerCommit(world: World): Promise<Line[]> {
  await world.insertRate(TOGETHER, TOGETHER); // all of them are connected
  const count = async (commits: () => Promise<unknown>): Promise<number> => {
    const before = await world.syncs();
    await commits();
    return (await world.syncs()) - before;
  };
  const alone = await count(() => world.insertOnce(ALONE));
  const together = await count(() => world.insertRate(TOGETHER, COMMITS_TOGETHER));
  const goal = { at: "least", value: 1 } as const;
  return [
    bounded("honesty, syncs of 1 client", { value: alone / ALONE, unit: "a commit", goal, more: { syncs: alone, commits: ALONE } }),
    bounded("honesty, syncs of 32 clients", {
      value: (together * TOGETHER) / COMMITS_TOGETHER,
      unit: "a group",
      goal,
      more: { syncs: together, commits: COMMITS_TOGETHER, largestGroup: TOGETHER },
    }),
  ];
}

const WRITERS = 8;
const WRITE_MS = 400;

async function acknowledgedAfterKill(world: World): Promise<Line> {
  const acknowledged: string[] = [];
  const writers = Array.from({ length: WRITERS }, () => writeUntilCut(world.url, acknowledged));
  await sleep(WRITE_MS);
  for (const pid of familyOf(world.cluster.server.processId)) process.kill(pid, "SIGKILL");
  await Promise.all(writers);
  const data = await connectedAgain(world);
  const goal = { at: "most", value: 0 } as const;
  return bounded("honesty, lost after kill -9", {
    value: acknowledged.length - data,
    unit: "rows",
    goal,
    more: { acknowledged: acknowledged.length, found: data },
  });

  async function connectedAgain({ folder, url }: World): Promise<number> {
    const server = await launchPostgres({ folder: join(folder, "postgres"), log: silentLog });
    try {
      const again = new URL(url);
      again.port = new URL(server.url).port;
      return await connected(again.toString(), async (client) => {
        const { rows } = await client.query<{ found: string }>("select count(*) as found from bench_probe where id = any($1::bigint[])", [acknowledged]);
        return Number(rows[0]!.found);
      });
    } finally {
      await server.stop();
    }
  }
}

async function writeUntilCut(url: string, acknowledged: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    for (;;) acknowledged.push(await insertProbe(client));
  } catch {
    await client.end().catch(() => undefined); // the server was killed, as it should be: what it acknowledged is counted
  }
}
