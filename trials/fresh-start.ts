import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { LLMock } from "@copilotkit/aimock";
import { documentedOpenLoopAgent } from "#src/testing/openloop-agent.ts";
import { callsTool, type ProviderAnswer, submissionModel } from "#src/testing/submission-model.ts";
import { type Case, judged } from "./harness/case.ts";
import { openServer, type Reply, type Server } from "./harness/server.ts";
import { until } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";

const RESALE = join(import.meta.dirname, "..", "workspaces", "resale");

const TYPESCRIPT = `import { defineService, z } from "loopwright";
export default defineService({
  name: "choose",
  path: "/choose",
  startingAgent: "decider",
  agents: ["decider"],
  input: z.object({ prompt: z.string(), options: z.array(z.string()).min(1) }),
  output: z.object({ decision: z.string().meta({ "x-enumFrom": "options" }), reasoning: z.string() }),
});
`;

const TEAM =
  "apiVersion: loopwright.dev/v1\nkind: Team\nname: maintainers\nmembers:\n  - { id: priya, name: Priya, roles: [approver] }\n  - { id: sam, name: Sam, roles: [approver] }\n";

export const freshStart: Case = {
  id: "fresh-start",
  title:
    "the resale template from its first start: without a key an answer that says what to do, with one a decision, a whole submission through its tool server, a value with its source, traces at an OTLP receiver, an agent of OpenLoop and a service in TypeScript applied while it runs",
  needs: ["bwrap"],
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  async run(world) {
    const workspace = join(world.folder, "my-team");
    await cp(RESALE, workspace, { recursive: true });
    const [provider, receiver] = [await fakeProvider(world), await otlpReceiver(world)];
    const { url: databaseUrl } = await world.database();
    const open = (name: string, env: Readonly<Record<string, string>>): Promise<Server> =>
      openServer(world, { name, home: join(world.folder, "home"), databaseUrl, env: { LOOP_WORKSPACE: workspace, ...env } });

    const keyless = await open("keyless", {});
    const refused = await decide(keyless, "/loopos_ai_decision", "one");
    const services = await keyless.list("/v1/services", "services");
    await keyless.child.stop();
    const key = { LOOP_MODEL: "on", ANTHROPIC_API_KEY: "sk-ant-test-0123456789", ANTHROPIC_BASE_URL: provider, TAVILY_API_KEY: "tvly-of-the-trial" };
    const server = await open("server", { ...key, LOOP_OTLP_URL: receiver.url });
    const decided = await decide(server, "/loopos_ai_decision", "two");
    const submitted = await submit(server);

    const before = (await server.call("GET /healthz"))?.status;
    await mkdir(join(workspace, "services"), { recursive: true });
    for (const [path, text] of [
      ["agents/dev-platform.yaml", documentedOpenLoopAgent(["@priya", "@maintainers"])],
      ["teams/maintainers.yaml", TEAM],
      ["services/choose.ts", TYPESCRIPT],
    ] as const)
      await writeFile(join(workspace, path), text);
    const search = await searchService(world);
    const web = await readFile(join(workspace, "tools", "web.yaml"), "utf8");
    await writeFile(
      join(workspace, "tools", "web.yaml"),
      `${web.replace("provider: tavily,", `provider: tavily, baseUrl: "${search.url}",`)}  privateNetwork: true\n`,
    );
    const applied = await server.call("POST /v1/workspace/apply", { body: { yes: true } });
    const valued = await server.call("POST /loopos_ai_value_estimation", { body: { agent_specific: { loopos_item: { name: "an old lamp" } } } });
    const health = await server.call("GET /healthz");
    const chosen = await decide(server, "/choose", "three");
    const unfit = await server.call("POST /choose", { body: { prompt: "x", options: [] } });
    const traced = await until(() => receiver.spans.includes("invoke_agent decider"), { limitMs: 15_000 });
    return judged({
      reached: receiver.spans.length,
      wanted: 1,
      figure: `${services.length} services; ${refused?.status} without a key, ${decided?.status} with one; an item created ${submitted.created} times; ${search.asked.length} searches; ${receiver.spans.length} spans`,
      conditions: {
        "said what to do without a key": refused?.status === 503 && /ANTHROPIC_API_KEY and LOOP_MODEL=on/.test(String(refused.body["error"])),
        "an item was created once, through its tool server": submitted.created === 1 && JSON.stringify(submitted.said).includes("Does it switch on?"),
        "a value was looked for, with its source":
          search.asked.length === 1 &&
          search.asked[0]!.includes("tvly-of-the-trial") &&
          JSON.stringify(valued?.body["references"]) === JSON.stringify([ADDRESS]),
        "decided with a key": decided?.status === 200 && decided.body["decision"] === "repair",
        "the OpenLoop file applied unchanged": applied?.status === 200 && applied.body["kind"] === "applied",
        "its face came with it": before === 404 && JSON.stringify(health?.body["agents"]) === '["dev-platform"]',
        "the service in TypeScript answered": chosen?.status === 200 && chosen.body["decision"] === "repair",
        "and checked its input": unfit?.status === 422,
        "traces arrived": traced,
      },
    });
  },
};

const decide = (server: Server, path: string, prompt: string): Promise<Reply | undefined> =>
  server.call(`POST ${path}`, { body: { prompt, options: ["sell", "repair", "recycle"], item_context: { name: "drill" } } });

async function fakeProvider(world: World): Promise<string> {
  const mock = new LLMock({ port: 0, logLevel: "silent" });
  await mock.start();
  world.after(() => mock.stop());
  const answer = ({ messages }: { readonly messages: readonly object[] }): ProviderAnswer => {
    const seen = JSON.stringify(messages);
    if (seen.includes("Bosch drill")) return submissionModel(seen);
    if (seen.includes(ADDRESS)) return { content: JSON.stringify({ ...WORTH, references: [ADDRESS] }) };
    if (seen.includes("an old lamp")) return callsTool("web_search", { query: "old lamp sold for" });
    return { content: JSON.stringify({ decision: "repair", reasoning: "it still works" }) };
  };
  mock.on({ endpoint: "chat" }, answer as unknown as Parameters<LLMock["on"]>[1]);
  return mock.url;
}

const ADDRESS = "https://lamps.example/sold/7";

const WORTH = {
  ...Object.fromEntries(["value_out", "recycling_value", "repair_cost"].flatMap((name) => ["max", "min", "average"].map((of) => [`${name}_${of}`, 40]))),
  reasoning: "one like it went for 40",
  description: "a lamp",
};

/** A search service on loopback; what it was asked. */
async function searchService(world: World): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      asked.push(`${String(request.headers.authorization)} ${body}`);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ results: [{ title: "A lamp", url: ADDRESS, content: "sold for 40" }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  world.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

interface ActView {
  readonly name: string;
  readonly state: string;
}

/** From a drill to an item with questions, through the tool server of the template; how often the item was created. */
async function submit(server: Server): Promise<{ readonly said: unknown; readonly created: number }> {
  const ready = async (): Promise<boolean> =>
    (await server.list<ActView>("/v1/tools", "tools")).some(({ name, state }) => name === "catalogue.create_item" && state === "on");
  await until(ready, { limitMs: 15_000 });
  const body = { session_id: "s", messages: [{ role: "user", text: "I have a Bosch drill, used, with its box" }] };
  const reply = await server.call("POST /submission", { body });
  const runs = await server.list<{ readonly id: string }>("/v1/runs", "runs");
  const acts = await Promise.all(runs.map(async ({ id }) => (await server.call(`GET /v1/runs/${id}`))?.body["acts"] as readonly ActView[]));
  return { said: reply?.body, created: acts.flat().filter(({ name, state }) => name === "catalogue.create_item" && state === "done").length };
}

async function otlpReceiver(world: World): Promise<{ readonly url: string; readonly spans: string[] }> {
  const spans: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      if (request.url === "/v1/traces") spans.push(...namesIn(JSON.parse(body)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  world.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
}

interface Traces {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string }[] }[] }[];
}

const namesIn = ({ resourceSpans }: Traces): string[] =>
  resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name)));
