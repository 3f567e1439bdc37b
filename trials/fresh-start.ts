import { cp, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { LLMock } from "@copilotkit/aimock";
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

/** As its documentation has it. */
const OPENLOOP = `apiVersion: openloop.ai/v1alpha1
kind: Agent
metadata: { name: dev-platform, workspace: acme }
spec:
  surfaces:
    - { type: slack, channel: "#dev-platform" }
    - { type: discord, channel: "eng" }
  memory: { scope: channel, backend: postgres, retention_days: 90 }
  model_policy:
    default: openai/gpt-4o-mini
    routes:
      - { match: { task: code }, model: anthropic/claude-sonnet-4-6 }
  tools:
    - { name: github, type: native, permissions: ["issues:write", "pulls:read"] }
  approvals:
    require_for: ["github.issues:write", "github.pulls:write"]
    approvers: ["@priya", "@maintainers"]
  budget: { monthly_usd: 50, per_task_usd: 0.50, on_exceeded: block }
`;
const TEAM =
  "apiVersion: loopwright.dev/v1\nkind: Team\nname: maintainers\nmembers:\n  - { id: priya, name: Priya, roles: [approver] }\n  - { id: sam, name: Sam, roles: [approver] }\n";

export const freshStart: Case = {
  id: "fresh-start",
  title:
    "the resale template from its first start: without a key an answer that says what to do, with one a decision, traces at an OTLP receiver, an agent of OpenLoop and a service in TypeScript applied while it runs",
  needs: ["bwrap"],
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
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
    const key = { LOOP_MODEL: "on", ANTHROPIC_API_KEY: "sk-ant-test-0123456789", ANTHROPIC_BASE_URL: provider };
    const server = await open("server", { ...key, LOOP_OTLP_URL: receiver.url });
    const decided = await decide(server, "/loopos_ai_decision", "two");

    const before = (await server.call("GET /healthz"))?.status;
    await mkdir(join(workspace, "services"), { recursive: true });
    for (const [path, text] of [
      ["agents/dev-platform.yaml", OPENLOOP],
      ["teams/maintainers.yaml", TEAM],
      ["services/choose.ts", TYPESCRIPT],
    ] as const)
      await writeFile(join(workspace, path), text);
    const applied = await server.call("POST /v1/workspace/apply", { body: { yes: true } });
    const health = await server.call("GET /healthz");
    const chosen = await decide(server, "/choose", "three");
    const unfit = await server.call("POST /choose", { body: { prompt: "x", options: [] } });
    const traced = await until(() => receiver.spans.includes("invoke_agent decider"), { limitMs: 15_000 });
    return judged({
      reached: receiver.spans.length,
      wanted: 1,
      figure: `${services.length} services; ${refused?.status} without a key, ${decided?.status} with one; ${receiver.spans.length} spans`,
      conditions: {
        "said what to do without a key": refused?.status === 503 && /ANTHROPIC_API_KEY and LOOP_MODEL=on/.test(String(refused.body["error"])),
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
  const answer = { content: JSON.stringify({ decision: "repair", reasoning: "it still works" }) };
  mock.on({ endpoint: "chat" }, () => answer);
  return mock.url;
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
