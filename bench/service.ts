import { Agent, request } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { z } from "zod";
import { createNotifier } from "#src/database/notify.ts";
import { createHttpServer } from "#src/http/server.ts";
import { receiveText } from "#src/intake/receive.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import { systemClock as clock } from "#src/kernel/clock.ts";
import { ensureOwner } from "#src/people/owner.ts";
import { createToken } from "#src/people/token.ts";
import { startFleet } from "#src/runs/fleet.ts";
import { createRunWatch } from "#src/runs/watch.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testEngine } from "#src/testing/engine.ts";
import { sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { silentLog as log } from "#src/testing/silent-log.ts";
import { bounded, boundedMedian, type Line, processorProbe, steadily } from "./measure.ts";
import { median } from "./statistics.ts";
import type { World } from "./world.ts";

const ONE_BY_ONE = 40;
const AT_ONCE = 32;
const MANY = 640;

const HEAD = "apiVersion: loopwright.dev/v1\n";
const FILES = {
  "agents/judge.yaml": `${HEAD}kind: Agent\nname: judge\nrunner: model\nprocedure: chat\ninstructions: Decide.\n`,
  "services/decide.yaml": `${HEAD}kind: Service
name: decide
path: /decide
startingAgent: judge
agents: [judge]
input: { type: object, properties: { prompt: { type: string }, options: { type: array, items: { type: string } } }, required: [prompt, options] }
output: { type: object, properties: { decision: { type: string, x-enumFrom: options }, reasoning: { type: string } }, required: [decision, reasoning] }
limits: { callsPerMinute: 100000 }
`,
};

type Ask = (n: number) => Promise<void>;

/**
 * A typed endpoint whose agent answers at once, everything durable, against a bare route of Fastify that reads the same body with zod: how much longer one call
 * takes, and how many there are a second with 32 callers. Caller, server, engine and sealed database share the machine.
 */
export async function service(world: World, rounds: number): Promise<Line[]> {
  const ours = await openService(world);
  const bare = await openBare();
  try {
    return await steadily(processorProbe, async () => {
      const added: number[] = [];
      const rates: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const plain = await oneByOne(bare.ask);
        added.push((await oneByOne(ours.ask)) - plain);
        rates.push(await atOnce(ours.ask));
      }
      return [
        boundedMedian("service, added p50", { samples: added, unit: "ms", goal: { at: "most", value: 6 } }),
        bounded("service, calls", { value: median(rates), unit: "/s", goal: { at: "least", value: 300 }, low: Math.min(...rates), high: Math.max(...rates) }),
      ];
    });
  } finally {
    await ours.close();
    await bare.close();
  }
}

let asked = 0;

async function oneByOne(ask: Ask): Promise<number> {
  const times: number[] = [];
  for (let made = 0; made < ONE_BY_ONE; made += 1) {
    const startMs = performance.now();
    await ask((asked += 1));
    times.push(performance.now() - startMs);
  }
  return median(times);
}

async function atOnce(ask: Ask): Promise<number> {
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let made = 0; made < MANY / AT_ONCE; made += 1) await ask((asked += 1));
    }),
  );
  return (MANY / (performance.now() - startMs)) * 1_000;
}

interface Open {
  readonly ask: Ask;
  readonly close: () => Promise<void>;
}

async function openService(world: World): Promise<Open> {
  const { db, url } = await world.fresh(16);
  const engine = await testEngine({
    db,
    clock,
    files: chatWorkspace(FILES),
    model: scriptedModel(() => sayObject({ decision: "keep", reasoning: "it is good" })),
  });
  const notifier = createNotifier({ db, url, log });
  const watch = createRunWatch({ db, onChange: (look) => notifier.onChange(look, "record") });
  const options = { holder: "bench", slots: AT_ONCE, leaseMs: 10_000, pollMs: 1_000, graceMs: 1_000, changed: notifier.changed, mayClaim: () => true, watch };
  const fleet = startFleet(engine, options);
  const silence = notifier.onChange(fleet.hint);
  const { principal } = await ensureOwner(db, clock);
  const { value: token } = await createToken(db, clock, { principal, label: "bench", scopes: ["*"], validForMs: null, by: "system" });
  const { workspaces, tiers, tools } = engine;
  const intake = { db, clock, workspaces, tiers, mayTake: () => true, whoIs: () => Promise.resolve(undefined) };
  const app = createHttpServer({
    db,
    clock,
    log,
    version: "bench",
    workspaces,
    tiers,
    tools,
    address: { host: "127.0.0.1", trustedProxies: [] },
    receive: (message) => receiveText(intake, message),
    receiveTurn: (turn) => receiveTurn(intake, turn),
    recall: () => Promise.reject(new Error("nothing is recalled here")),
    health: () => Promise.resolve({ ok: true }),
    changed: notifier.changed,
    watch,
    seat: fleet.seat,
    limits: { writesPerMinute: 1_000_000 },
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const caller = callerOf((app.server.address() as AddressInfo).port, { authorization: `Bearer ${token}` });
  return {
    ask: caller.ask,
    async close() {
      caller.close();
      await app.close();
      silence();
      await fleet.stop();
      await notifier.close();
    },
  };
}

async function openBare(): Promise<Open> {
  const body = z.object({ prompt: z.string(), options: z.array(z.string()) });
  const app = Fastify();
  app.post("/decide", async (given) => ({ decision: body.parse(given.body).options[0], reasoning: "it is good" }));
  await app.listen({ host: "127.0.0.1", port: 0 });
  const caller = callerOf((app.server.address() as AddressInfo).port, {});
  return {
    ask: caller.ask,
    async close() {
      caller.close();
      await app.close();
    },
  };
}

/** Every body is another, so that none is a repeat. @throws Error for any answer but 200 */
function callerOf(port: number, more: Record<string, string>): { readonly ask: Ask; readonly close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const headers = { "content-type": "application/json", ...more };
  return {
    close: () => agent.destroy(),
    ask: (n) =>
      new Promise((resolve, reject) => {
        const sent = request({ host: "127.0.0.1", port, path: "/decide", method: "POST", agent, headers }, (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}: ${text.slice(0, 300)}`))));
        });
        sent.on("error", reject);
        sent.end(JSON.stringify({ prompt: `Keep number ${n}?`, options: ["keep", "sell"] }));
      }),
  };
}
