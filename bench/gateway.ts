import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { until } from "../trials/harness/wait.ts";
import { compare, type Goal, type Line, withoutReference } from "./measure.ts";
import { NOT_INSTALLED, referencePath } from "./references.ts";
import { makeHome, startServer } from "./server.ts";
import { median } from "./statistics.ts";
import type { World } from "./world.ts";

const TO_PROXY: Goal = { at: "most", value: 4 };
const TO_PORTKEY: Goal = { at: "most", value: 0.6 };
const RATE: Goal = { at: "least", value: 0.4 };
const CLIENTS = 32;

/** Somebody who answers chat completions. */
interface Place {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
}

/** A call through the gateway, with a budget and the ledger on, against a bare reverse proxy and Portkey's gateway before the same provider. */
export async function gateway(world: World, rounds: number): Promise<Line[]> {
  const provider = await child(world, "provider", []);
  const proxy = await child(world, "proxy", [provider]);
  const direct: Place = { url: provider, headers: {}, model: "bench" };
  const bare: Place = { url: proxy, headers: {}, model: "bench" };
  const ours = await openGateway(world, provider);
  const calls = world.short ? 150 : 400;
  const added = (place: Place) => async (): Promise<number> => {
    const without = await latencyMs(direct, calls);
    return Math.max(0.001, (await latencyMs(place, calls)) - without);
  };
  const many = world.short ? 1_500 : 5_000;
  const lines = [
    await compare({ name: "gateway / P, added", ours: added(ours), reference: added(bare), unit: "ms", goal: TO_PROXY, rounds }),
    await compare({
      name: "gateway / P, calls a second",
      ours: () => callsASecond(ours, many),
      reference: () => callsASecond(bare, many),
      unit: "/s",
      goal: RATE,
      rounds,
    }),
  ];
  const portkey = await openPortkey(world, provider);
  if (!portkey) return [...lines, withoutReference("gateway / Portkey, added", { goal: TO_PORTKEY, why: NOT_INSTALLED })];
  return [...lines, await compare({ name: "gateway / Portkey, added", ours: added(ours), reference: added(portkey), unit: "ms", goal: TO_PORTKEY, rounds })];
}

async function child(world: World, role: string, args: readonly string[]): Promise<string> {
  const started = world.start({ name: role, script: new URL("./gateway-child.ts", import.meta.url), args: [role, ...args] });
  return ((await started.heard("ready")) as unknown as { url: string }).url;
}

/** A whole server, its own Postgres with fsync, one budget in money for everybody and a policy. */
async function openGateway(world: World, provider: string): Promise<Place> {
  const home = await makeHome(world);
  const folder = join(home, "workspace");
  const manifest = await readFile(join(folder, "loop.yaml"), "utf8");
  await writeFile(
    join(folder, "loop.yaml"),
    `${manifest}\ngateway: { models: ["bench:bench"] }\nproviders: { bench: { wire: openai-compatible, baseUrl: "${provider}/v1" } }\nprices: { "bench:*": { inputUsd: 0.01, outputUsd: 0.02 } }\n`,
  );
  const header = "apiVersion: loopwright.dev/v1";
  await mkdir(join(folder, "budgets"), { recursive: true });
  await writeFile(
    join(folder, "budgets", "bench.yaml"),
    `${header}\nkind: Budget\nname: bench-gateway\nscope: { agent: gateway }\nperiod: month\ncapUsd: 100000\n`,
  );
  await writeFile(
    join(folder, "policies", "bench.yaml"),
    `${header}\nkind: Policy\nname: bench\nrules:\n  - { name: bench-gateway, when: { kind: model, agent: gateway }, then: allow, why: it is measured }\n`,
  );
  const server = await startServer(world, { home });
  const { token } = JSON.parse(await readFile(join(home, "credentials.json"), "utf8")) as { token: string };
  return { url: server.url, headers: { authorization: `Bearer ${token}` }, model: "bench:bench" };
}

const PORTKEY_READY_MS = 30_000;

async function openPortkey(world: World, provider: string): Promise<Place | undefined> {
  const program = await referencePath("portkey", "@portkey-ai/gateway/build/start-server.js");
  if (program === undefined) return undefined;
  const port = await freePort();
  const { host } = new URL(provider);
  const env = { PORT: String(port), NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: `localhost,127.0.0.1,${host}` };
  world.start({ name: "portkey", script: pathToFileURL(program), args: [`--port=${port}`, "--headless"], env });
  const place = {
    url: `http://127.0.0.1:${port}`,
    headers: { "x-portkey-provider": "openai", "x-portkey-custom-host": `${provider}/v1`, authorization: "Bearer none" },
    model: "bench",
  };
  const agent = new Agent();
  const isReady = await until(async () => (await call(place, agent), true), { limitMs: PORTKEY_READY_MS });
  if (!isReady) throw new Error("the reference gateway did not answer a call within 30 s");
  return place;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** One after the other over one connection: the median. */
async function latencyMs(place: Place, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took: number[] = [];
  for (let made = 0; made < count; made += 1) {
    const startMs = performance.now();
    await call(place, agent);
    took.push(performance.now() - startMs);
  }
  agent.destroy();
  return median(took);
}

async function callsASecond(place: Place, count: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  let left = count;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) await call(place, agent);
    }),
  );
  agent.destroy();
  return (count / (performance.now() - startMs)) * 1_000;
}

/** @throws Error on anything but a completion */
function call({ url, headers, model }: Place, agent: Agent): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Say something short about the weather, please." }], max_tokens: 64 });
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/chat/completions`,
      { method: "POST", agent, headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => (text += piece));
        response.on("error", reject);
        response.on("end", () =>
          response.statusCode === 200 && text.includes('"choices"') ? resolve() : reject(new Error(`${response.statusCode} ${text.slice(0, 300)}`)),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
