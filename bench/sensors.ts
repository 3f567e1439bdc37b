import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { bounded, type Line, shown } from "./measure.ts";
import { canSeeProcesses, familyProcessorMs } from "./processes.ts";
import { makeHome, startServer } from "./server.ts";
import type { World } from "./world.ts";

const COUNT = 200;
const BEAT_MS = 60_000;
const READY_WITHIN_MS = 120_000;

/** What 200 sensors that run each minute cost: processor time of the server with its Postgres and of all that it starts, over whole beats. */
export async function sensors(world: World): Promise<Line[]> {
  if (!canSeeProcesses) return [];
  const home = await makeHome(world);
  await writeSensors(join(home, "workspace", "sensors"));
  const database = await world.fresh();
  const server = await startServer(world, { home, databaseUrl: database.url });
  try {
    await allRan(database.db);
    await sleep(BEAT_MS / 4);
    const overMs = BEAT_MS * (world.short ? 1 : 3);
    const postgresPid = world.cluster.server.processId;
    const at = async () => ({ server: familyProcessorMs(server.child.pid), postgres: familyProcessorMs(postgresPid), ran: await runs(database.db) });
    const before = await at();
    await sleep(overMs);
    const after = await at();
    const percentOf = (ms: number): number => (ms / overMs) * 100;
    const [own, postgres] = [after.server - before.server, after.postgres - before.postgres];
    const again = after.ran.filter((ranAt, index) => ranAt !== before.ran[index]).length;
    const more = {
      overMs,
      serverPercent: percentOf(own),
      postgresPercent: percentOf(postgres),
      ranAgain: again,
      msEach: (own + postgres) / ((COUNT * overMs) / BEAT_MS),
    };
    if (again !== COUNT) throw new Error(`${again} of ${COUNT} sensors ran in ${overMs} ms`);
    return [
      bounded(`sensors, ${COUNT} each minute`, { value: percentOf(own + postgres), unit: "% of a core", goal: { at: "most", value: 10 }, more }),
      shown("sensors, each run", { value: more.msEach, unit: "ms" }),
    ];
  } finally {
    await server.stop();
    await database.close();
  }
}

async function writeSensors(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < COUNT; index += 1) {
    const file = join(folder, `sensor-${index}.sh`);
    await writeFile(file, `#!/bin/sh\nprintf '{"signal":{"number":${index},"goals":%d},"detail":{"at":"%s"}}' "$(ls goals 2>/dev/null | wc -l)" "$(date)"\n`);
    await chmod(file, 0o755);
  }
}

type Db = Awaited<ReturnType<World["fresh"]>>["db"];

async function runs(db: Db): Promise<number[]> {
  const { rows } = await sql<{ ran_at: Date }>`select ran_at from sensor_readings where not failed order by sensor`.execute(db);
  return rows.map((row) => row.ran_at.getTime());
}

async function allRan(db: Db): Promise<void> {
  for (const startMs = performance.now(); performance.now() - startMs < READY_WITHIN_MS; await sleep(500)) if ((await runs(db)).length === COUNT) return;
  const { rows } = await sql<{ detail: unknown }>`select detail from sensor_readings where failed limit 1`.execute(db);
  throw new Error(`${(await runs(db)).length} of ${COUNT} sensors said something; one said ${JSON.stringify(rows[0]?.detail)}`);
}
