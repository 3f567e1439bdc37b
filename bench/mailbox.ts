import { setTimeout as sleep } from "node:timers/promises";
import { boundedQuantile, type Line, steadily } from "./measure.ts";
import { makeHome, type Server, startServer } from "./server.ts";
import type { World } from "./world.ts";

const ANSWERS = { full: 300, short: 80 };
/** Workers that wait at the same time. */
const WAITING = 20;
const EVERY_MS = 40;

/** BENCH 3 for workers: an answer is given over HTTP, and whoever waits for it has it; beside others who wait for theirs. Also what ends `wait` of whoever decides: a question was asked. */
export async function mailbox(world: World): Promise<Line[]> {
  const { url: databaseUrl } = await world.fresh(8);
  const server = await startServer(world, { home: await makeHome(world), databaseUrl });
  const count = world.short ? ANSWERS.short : ANSWERS.full;
  const goal = { at: "most", value: 50 } as const;
  try {
    return await steadily(
      () => world.insertOnce(20),
      async () => {
        const others = await Promise.all(Array.from({ length: WAITING }, (_, index) => ask(server, `another-${index}`)));
        const idle = others.map((alias) => answered(server, alias));
        const unblocked = await times(count, () => unblock(server));
        const seen = await times(count, () => noticed(server));
        for (const alias of others) await give(server, alias);
        await Promise.all(idle);
        return [
          boundedQuantile("mailbox, answer to worker, p99", { samples: unblocked, q: 0.99, unit: "ms", goal, more: { waitingBeside: WAITING } }),
          boundedQuantile("mailbox, question to wait, p99", { samples: seen, q: 0.99, unit: "ms", goal, more: { waitingBeside: WAITING } }),
        ];
      },
    );
  } finally {
    await server.stop();
  }
}

async function times(count: number, sample: () => Promise<number>): Promise<number[]> {
  const taken: number[] = [];
  for (let index = 0; index < count; index += 1) {
    taken.push(await sample());
    await sleep(EVERY_MS * Math.random());
  }
  return taken;
}

let prompts = 0;

async function ask(server: Server, worker: string): Promise<string> {
  const { alias } = (await server.call("POST", "/v1/loop/ask", { worker, prompt: `Which way, ${(prompts += 1)}?` })) as { alias: string };
  return alias;
}

const give = (server: Server, alias: string): Promise<unknown> => server.call("POST", "/v1/loop/answer", { ask: alias, text: "left" });

const answered = (server: Server, alias: string): Promise<unknown> => server.call("GET", `/v1/loop/ask/wait?ask=${alias}`);

/** From the answer being sent until the worker has it. */
async function unblock(server: Server): Promise<number> {
  const alias = await ask(server, "bench");
  const waiting = answered(server, alias);
  await sleep(20); // it waits
  const startMs = performance.now();
  const given = give(server, alias);
  await waiting;
  const tookMs = performance.now() - startMs;
  await given;
  return tookMs;
}

/** From a question being asked until whoever waits for the world has it. */
async function noticed(server: Server): Promise<number> {
  const { cursor } = (await server.call("GET", "/v1/loop/state")) as { cursor: string };
  const waiting = server.call("GET", `/v1/loop/wait?onlyAsks=true&since=${cursor}`);
  await sleep(20);
  const startMs = performance.now();
  const asking = ask(server, "bench");
  await waiting;
  const tookMs = performance.now() - startMs;
  await give(server, await asking);
  return tookMs;
}
