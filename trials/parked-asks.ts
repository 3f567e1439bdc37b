import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, inTime, judged } from "./harness/case.ts";
import { countOf } from "./harness/oracle.ts";
import { openServer, type Server } from "./harness/server.ts";
import { inLanes, until } from "./harness/wait.ts";

const LOOP = join(import.meta.dirname, "..", "bin", "loop");
const ASKS = 1_000;
/** Programs that wait for their answer on the command line while servers die. */
const WAITERS = 8;
const IDLE_MS = 5_000;
/** Of one core; the same server without asks needs about one. */
const MOST_IDLE_PERCENT = 3;

export const parkedAsks: Case = {
  id: "parked-asks",
  title:
    "a thousand open questions of workers, and programs that wait for the answer to theirs, while the server is killed again and again: none is lost, none is asked twice, each answer arrives once, and waiting costs nothing",
  short: true,
  limitMs: { short: 180_000, full: 300_000 },
  async run(world) {
    const database = await world.database();
    const home = join(world.folder, "home");
    const open = (): Promise<Server> => openServer(world, { name: "server", home, databaseUrl: database.url });
    let server = await open();
    await inLanes(
      Array.from({ length: ASKS - WAITERS }, (_, index) => index),
      16,
      async (index) => {
        const asked = await server.call("POST /v1/loop/ask", { body: { worker: `w-${index % 40}`, prompt: `May I do ${index}?`, options: ["yes", "no"] } });
        if (asked?.status !== 200) throw new Error(`the question ${index} was not taken: ${JSON.stringify(asked)}`);
      },
    );
    const env = { ...process.env, LOOP_HOME: home, DATABASE_URL: database.url };
    const waiters = Array.from({ length: WAITERS }, (_, index) => {
      const child = spawn(LOOP, ["_", "ask", `cli-${index}`, "--prompt", `Which way, ${index}?`], { env, stdio: ["ignore", "pipe", "pipe"] });
      world.after(() => child.kill("SIGKILL"));
      const said = { out: "", err: "" };
      child.stdout.on("data", (data: Buffer) => (said.out += data.toString()));
      child.stderr.on("data", (data: Buffer) => (said.err += data.toString()));
      return { child, said, ended: once(child, "close") as Promise<[number | null]> };
    });
    const restarts = world.short ? 8 : 20;
    const counts: number[] = [];
    for (let time = 0; time < restarts; time += 1) {
      await sleep(400);
      await server.child.kill();
      server = await open();
      counts.push(await countOf(database.db, "select count(*) as n from asks where state = 'open'"));
    }
    await sleep(1_000);
    const state = await server.call("GET /v1/loop/state");
    const seen = Array.isArray(state?.body["asks"]) ? (state.body["asks"] as { alias: string; prompt: string }[]) : [];
    const prompts = new Set(seen.map(({ prompt }) => prompt));
    await until(async () => (await countOf(database.db, "select count(*) as n from ask_copies where due is not null")) === 0, {
      limitMs: 60_000,
      everyMs: 250,
    });
    const idlePercent = await cpuPercent(server.child.pid, IDLE_MS);
    for (const { alias, prompt } of seen.filter(({ alias }) => alias.startsWith("cli-")))
      await server.call("POST /v1/loop/answer", { body: { ask: alias, text: `left, ${prompt.slice(-2, -1)}` } });
    const codes = await Promise.all(waiters.map(({ ended }) => Promise.race([ended.then(([code]) => code), sleep(20_000, "late" as const)])));
    const heard = waiters.map(({ said }) => said.out.trim());
    const left = await countOf(database.db, "select count(*) as n from asks where state = 'open'");
    return judged({
      reached: counts.length,
      wanted: restarts,
      figure: `${ASKS} questions, ${restarts} times kill -9; open after each: ${[...new Set(counts)].join(", ")}; idle with all of them open ${idlePercent.toFixed(1)} % of a core; ${WAITERS} waiting programs ended with ${[...new Set(codes)].join(", ")}`,
      conditions: {
        "none lost, none twice": seen.length === ASKS && prompts.size === ASKS && counts.every((count) => count <= ASKS && count >= ASKS - WAITERS),
        "each program got its answer": codes.every((code) => code === 0) && heard.every((line, index) => line === `left, ${index}`),
        "the others are still open": left === ASKS - WAITERS,
        "waiting costs nothing": inTime(idlePercent <= MOST_IDLE_PERCENT),
      },
    });
  },
};

/** What a process used of one core in this time. */
async function cpuPercent(pid: number, forMs: number): Promise<number> {
  const ticks = async (): Promise<number> => {
    const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]!.split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  const [before, startMs] = [await ticks(), performance.now()];
  await sleep(forMs);
  return (((await ticks()) - before) * 10 * 100) / (performance.now() - startMs); // a tick is 10 ms on Linux
}
