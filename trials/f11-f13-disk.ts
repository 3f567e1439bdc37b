import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, judged } from "./harness/case.ts";
import { mountLoop, mountTmpfs } from "./harness/mount.ts";
import { openServer, type Server } from "./harness/server.ts";
import { ms } from "./harness/statistics.ts";
import { until } from "./harness/wait.ts";
import { textOf } from "./harness/text.ts";

const DISK_MB = 420;
const MIN_FREE_MB = 60;
const SETTINGS = { LOOP_MIN_FREE_MB: String(MIN_FREE_MB) };

/** Sends messages, and gives the ids of those that were taken. */
async function send(server: Server, { count, name }: { count: number; name: string }): Promise<string[]> {
  const taken: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const reply = await server.call("POST /v1/tickets", {
      body: { text: `the heating is cold, ${name} ${index}`, externalId: `${name}-${index}` },
      timeoutMs: 5_000,
    });
    if (reply?.status === 202) taken.push(textOf(reply.body["id"]));
  }
  return taken;
}

const isRefused = async (server: Server, name: string): Promise<boolean> => {
  const reply = await server.call("POST /v1/tickets", { body: { text: "one more", externalId: name }, timeoutMs: 5_000 });
  return reply?.status === 507 && reply.body["code"] === "storage_full";
};

async function present(server: Server, ids: readonly string[]): Promise<number> {
  let found = 0;
  for (const id of ids) if ((await server.call(`GET /v1/tickets/${id}`))?.status === 200) found += 1;
  return found;
}

export const diskFull: Case = {
  id: "F11",
  title: "the disk of the database fills up, to the last byte: new work is refused with one clear error, reading goes on, and with room it recovers by itself",
  needs: ["root", "tmpfs"],
  short: true,
  limitMs: { short: 150_000, full: 240_000 },
  async run(world) {
    const disk = await mountTmpfs(world, "disk", DISK_MB);
    const home = join(disk.folder, "home");
    const server = await openServer(world, { name: "server", home, env: SETTINGS });
    const acked = await send(server, { count: world.short ? 15 : 100, name: "before" });
    await disk.fillTo(MIN_FREE_MB - 20);
    let tries = 0;
    const refusedWhileLow = await until(() => isRefused(server, `low-${(tries += 1)}`), { limitMs: 12_000, everyMs: 500 });
    const readsWhileLow = (await server.call("GET /v1/tickets"))?.status === 200;
    const saidLow = textOf((await server.call("GET /v1/health"))?.body["degraded"]);
    let zero = false;
    const atZero: string[] = [];
    const deadlineMs = performance.now() + (world.short ? 14_000 : 40_000);
    while (performance.now() < deadlineMs) {
      await disk.fillTo(0); // again and again: what the ballast gives up is taken too
      zero ||= (await disk.freeMb()) < 1;
      atZero.push(...(await send(server, { count: 3, name: `zero-${atZero.length}-${Math.round(performance.now())}` })));
      await sleep(1_000);
    }
    const stayedUp = !server.child.hasExited();
    const readsAtZero = (await server.call("GET /v1/tickets", { timeoutMs: 5_000 }))?.status;
    const clearedMs = performance.now();
    await disk.clear();
    const recovered = await until(async () => (await send(server, { count: 1, name: `after-${Math.round(performance.now())}` })).length === 1, {
      limitMs: 40_000,
      everyMs: 500,
    });
    const recoveredMs = performance.now() - clearedMs;
    const there = await present(server, acked);
    const healthy = await until(async () => (await server.call("GET /v1/health"))?.body["degraded"] === undefined, { limitMs: 15_000, everyMs: 500 });
    const { code } = await server.child.stop();
    return judged({
      reached: (refusedWhileLow ? 1 : 0) + (zero ? 1 : 0),
      wanted: 2,
      figure: `${acked.length} messages before, refused with storage_full while nearly full ("${saidLow.slice(0, 60)}"), ${atZero.length} taken at 0 bytes, reads then ${readsAtZero ?? "none"}; with room again work went on after ${ms(recoveredMs)}, ${there} of ${acked.length} present`,
      conditions: {
        "refused clearly": refusedWhileLow && saidLow.includes("disk"),
        "reads are served": readsWhileLow,
        "nothing taken without room": atZero.length === 0,
        "the server stays up": stayedUp,
        "recovers by itself": recovered && healthy,
        "nothing lost": there === acked.length,
        "stops cleanly": code === 0,
      },
    });
  },
};

export const logsFull: Case = {
  id: "F12",
  title: "only the disk of the logs is full: the work goes on, health says so, and so does the log when there is room",
  needs: ["root", "tmpfs"],
  short: true,
  limitMs: { short: 60_000, full: 90_000 },
  async run(world) {
    const home = join(world.folder, "home");
    await mkdir(home);
    const logs = await mountTmpfs(world, "home/logs", 1);
    const database = await world.database();
    const server = await openServer(world, { name: "server", home, databaseUrl: database.url, env: { LOOP_LOG_LEVEL: "debug" } });
    await logs.fillTo(0);
    const before = (await readFile(join(home, "logs", "server.log"), "utf8")).length;
    const taken = await send(server, { count: 30, name: "m" });
    const moved = await until(
      async () => (await server.list<{ status: string }>("/v1/tickets?limit=100", "tickets")).every((ticket) => ticket.status !== "new"),
      { limitMs: 20_000, everyMs: 200 },
    );
    const health = await server.call("GET /v1/health");
    const full = (await logs.freeMb()) < 0.01;
    const grew = (await readFile(join(home, "logs", "server.log"), "utf8")).length - before;
    await logs.clear();
    const again = await send(server, { count: 5, name: "again" });
    const goesOn = await until(async () => (await readFile(join(home, "logs", "server.log"), "utf8")).length > before + grew + 200, { limitMs: 5_000 });
    const { code } = await server.child.stop();
    return judged({
      reached: full ? taken.length : 0,
      wanted: 30,
      figure: `${taken.length} messages taken and moved with no room for logs (${grew} bytes written meanwhile), health ${health?.status}${health?.body["degraded"] === undefined ? " and says nothing of it" : `: ${textOf(health.body["degraded"])}`}`,
      conditions: {
        "work goes on": taken.length === 30 && moved && again.length === 5,
        "one alarm": health?.body["degraded"] !== undefined && textOf(health.body["degraded"]).includes("log"),
        "the log goes on when there is room": goesOn,
        "stops cleanly": code === 0,
      },
    });
  },
};

export const readOnly: Case = {
  id: "F13",
  title: "the file system of the home breaks and turns read-only: new work is refused, the server stays up and says so, and nothing that was taken is lost",
  needs: ["root", "loop"],
  short: true,
  limitMs: { short: 120_000, full: 150_000 },
  async run(world) {
    const disk = await mountLoop(world, "disk", DISK_MB);
    const home = join(disk.folder, "home");
    const server = await openServer(world, { name: "server", home, env: SETTINGS });
    const acked = await send(server, { count: world.short ? 10 : 50, name: "before" });
    const there = await present(server, acked);
    await disk.breakIt();
    await sleep(1_000);
    const replies: (number | undefined)[] = [];
    const codes = new Set<string>();
    for (let tries = 0; tries < 8; tries += 1) {
      const reply = await server.call("POST /v1/tickets", { body: { text: "one more", externalId: `broken-${tries}` }, timeoutMs: 10_000 });
      replies.push(reply?.status);
      if (reply) codes.add(textOf(reply.body["code"]));
      await sleep(700);
    }
    const taken = replies.filter((status) => status === 202).length;
    const clear = replies.every((status) => status === 507 || status === 503);
    const health = await server.call("GET /v1/health", { timeoutMs: 5_000 });
    const reads = (await server.call("GET /v1/tickets", { timeoutMs: 5_000 }))?.status;
    const stayedUp = !server.child.hasExited();
    return judged({
      reached: replies.length,
      wanted: 8,
      figure: `${there} of ${acked.length} messages there before; afterwards answers ${[...new Set(replies)].join(", ")} (${[...codes].join(", ")}), reads ${reads ?? "none"}, health ${health?.status}: ${textOf(health?.body["degraded"]) || "nothing"}`,
      conditions: {
        "nothing taken": taken === 0,
        "a clear refusal": clear,
        "the server stays up": stayedUp,
        "health says it": health !== undefined && health.body["degraded"] !== undefined,
      },
    });
  },
};
