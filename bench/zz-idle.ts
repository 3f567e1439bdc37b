import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeWorld } from "./world.ts";
import { makeHome, startServer } from "./server.ts";
import { familyOf, processorMs, residentMb } from "./processes.ts";
const world = await makeWorld({ short: true });
const server = await startServer(world, { home: await makeHome(world) });
const postmaster = Number((await readFile(join(server.home, "postgres", "data", "postmaster.pid"), "utf8")).split("\n")[0]);
for (const at of [20, 45, 120]) {
  await new Promise((r) => setTimeout(r, (at - (globalThis as any).last || at) * 1000)); (globalThis as any).last = at;
  const pids = [...familyOf(server.child.pid), ...familyOf(postmaster)];
  console.log("at", at, "pss", pids.reduce((s, p) => s + residentMb(p).pss, 0), pids.length);
  const before = new Map(pids.map((p) => [p, processorMs(p)]));
  await new Promise((r) => setTimeout(r, 10000)); (globalThis as any).last += 10;
  for (const p of pids) try { console.log(p, readFileSync(`/proc/${p}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 90).trim(), residentMb(p).pss.toFixed(1), ((processorMs(p) - before.get(p)!) / 100).toFixed(2) + "%"); } catch { console.log(p, "gone"); }
}
await server.stop(); await world.close();
