import { existsSync, lstatSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bounded, type Line, shown } from "./measure.ts";
import { canSeeProcesses, familyOf, familyProcessorMs, residentMb } from "./processes.ts";
import { makeHome, startServer } from "./server.ts";
import type { World } from "./world.ts";

const ROOT = join(import.meta.dirname, "..");

/** What a home costs: the installed tree, as `npm start` and as `npm test` install it, and a server with its Postgres on which nothing happens. */
export async function footprint(world: World): Promise<Line[]> {
  return [...(await tree()), ...(canSeeProcesses ? await idle(world) : [])];
}

interface LockedPackage {
  readonly dev?: boolean;
}

async function tree(): Promise<Line[]> {
  const { packages } = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8")) as { packages: Record<string, LockedPackage> };
  const there = Object.entries(packages).filter(([path]) => path !== "" && existsSync(join(ROOT, path)));
  const sized = there.map(([path, { dev = false }]) => ({ dev, megabytes: sizeBytes(join(ROOT, path)) / 1_048_576 }));
  const start = sized.filter(({ dev }) => !dev);
  const total = (some: typeof sized): number => some.reduce((sum, { megabytes }) => sum + megabytes, 0);
  return [
    bounded("footprint, tree without dev", { value: total(start), unit: "MB", goal: { at: "most", value: 550 } }),
    bounded("footprint, packages", { value: start.length, unit: "", goal: { at: "most", value: 450 } }),
    bounded("footprint, whole tree", { value: total(sized), unit: "MB", goal: { at: "most", value: 900 }, more: { packages: sized.length } }),
  ];
}

/** What it takes on the disk, without the packages inside it, which are counted for themselves. */
function sizeBytes(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sum += entry.name === "node_modules" ? 0 : sizeBytes(path);
    else sum += lstatSync(path).blocks * 512;
  }
  return sum;
}

async function idle(world: World): Promise<Line[]> {
  const [settleMs, overMs] = world.short ? [12_000, 8_000] : [60_000, 60_000];
  const server = await startServer(world, { home: await makeHome(world) });
  try {
    const postmaster = Number((await readFile(join(server.home, "postgres", "data", "postmaster.pid"), "utf8")).split("\n")[0]);
    await sleep(settleMs);
    const roots = familyOf(server.child.pid).includes(postmaster) ? [server.child.pid] : [server.child.pid, postmaster];
    const busy = (): number => roots.reduce((sum, pid) => sum + familyProcessorMs(pid), 0);
    const before = busy();
    await sleep(overMs);
    const percent = ((busy() - before) / overMs) * 100;
    const pids = roots.flatMap(familyOf);
    const memory = pids.map(residentMb);
    const total = (of: "pss" | "rss"): number => memory.reduce((sum, one) => sum + one[of], 0);
    const more = { serverMb: residentMb(server.child.pid).pss, sumOfRssMb: total("rss"), afterMs: settleMs + overMs };
    return [
      bounded("footprint, idle memory", { value: total("pss"), unit: "MB", goal: { at: "most", value: 260 }, more }),
      bounded("footprint, idle processor", { value: percent, unit: "% of a core", goal: { at: "most", value: 1 }, more: { overMs } }),
      shown("footprint, processes", { value: pids.length, unit: "" }),
    ];
  } finally {
    await server.stop();
  }
}
