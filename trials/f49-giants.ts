import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { residentMb } from "../bench/processes.ts";
import { type Case, judged } from "./harness/case.ts";
import type { TrialDatabase } from "./harness/cluster.ts";
import { answerWell, type FakeModels, fakeModels } from "./harness/fake-models.ts";
import type { Server } from "./harness/server.ts";
import { HEADER, serverWith } from "./harness/tool-world.ts";
import { until } from "./harness/wait.ts";

const PROGRAM = fileURLToPath(new URL("../src/testing/mcp-server-child.ts", import.meta.url));
const BODY_LIMIT_MB = 10;
const TOGETHER = 6;
const TOOLS = 10_000;
const ITEMS = 100_000;
const GROWTH_MB = 2 * BODY_LIMIT_MB * TOGETHER;

function filesFor(url: string): Record<string, string> {
  return {
    "loop.yaml": `${HEADER}
kind: Workspace
name: giants
models: { strong: "good:m", fast: "good:m" }
gateway: { models: [fast] }
providers:
  good: { wire: openai-compatible, baseUrl: "${url}" }
prices: { "*:*": { inputUsd: 1, outputUsd: 2 } }
`,
    "agents/helper.yaml": `${HEADER}\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\ntools: [many.*]\n`,
    "tools/many.yaml": `${HEADER}
kind: ToolServer
name: many
from: { by: mcp, command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(PROGRAM)}], env: { HOW: many, COUNT: "${TOOLS}" }, sandbox: "off" }
`,
    "services/ask.yaml": `${HEADER}\nkind: Service\nname: ask\nstartingAgent: helper\nagents: [helper]\n`,
    "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:\n  - { name: think, when: { kind: model }, then: allow, why: thinking is free }\n`,
  };
}

/** Sends so many bytes as a JSON body, piece by piece, whatever the answer; the status, or 0 when the connection was cut. */
function pour(server: Server, path: string, [head, filler, tail]: readonly [string, number, string]): Promise<number> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(server.url);
    const sent = request({ hostname, port, path, method: "POST", headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" } });
    const piece = "word ".repeat(13_107);
    let left = filler;
    const more = (): void => {
      while (left > 0 && !sent.destroyed) {
        left -= piece.length;
        if (!sent.write(piece)) return void sent.once("drain", more);
      }
      sent.end(tail);
    };
    sent.on("response", (answer) => (answer.resume(), resolve(answer.statusCode ?? 0), sent.destroy()));
    sent.on("error", () => resolve(0));
    sent.write(head);
    more();
  });
}

const FIFTY_MB = 50 * 1_048_576;
const GIANTS: readonly (readonly [path: string, head: string, tail: string])[] = [
  ["/v1/tickets", '{"text":"', '"}'],
  ["/v1/chat/completions", '{"model":"fast","messages":[{"role":"user","content":"', '"}]}'],
  ["/v1/services/ask", '{"message":"', '"}'],
];

/** What stands far too long and still below the limit of a body. */
async function belowTheLimit(server: Server, models: FakeModels): Promise<string[]> {
  const long = "word ".repeat(1_200_000);
  const items = Array.from({ length: ITEMS }, (_, at) => ({ role: "user", text: `item ${at}` }));
  const calls = models.calls.length;
  const answers = [
    ["a text of 6 MB", await server.call("POST /v1/tickets", { body: { text: long } }), 422],
    ["a message of 6 MB", await server.call("POST /v1/services/ask", { body: { message: long } }), 422],
    ["100,000 items of history", await server.call("POST /v1/services/ask", { body: { message: "hello", messages: items } }), 422],
  ] as const;
  const wrong = answers.filter(([, answer, status]) => answer?.status !== status).map(([what, answer]) => `${what}: ${answer?.status ?? "no answer"}`);
  return models.calls.length === calls ? wrong : [...wrong, "a model was called for what was refused"];
}

/** A conversation of 100,000 messages: its next turn carries the last few, and reading it is paged. */
async function longThread(server: Server, { db }: TrialDatabase, models: FakeModels): Promise<string[]> {
  const opened = await server.call("POST /v1/threads", { body: { agent: "helper" } });
  const id = String(opened?.body["id"]);
  await sql`
    insert into thread_messages (id, thread_id, role, author, trust, text, run_id, taken_at, delivered_at)
    select 'old_' || side || n, ${id}, case side when 'q' then 'person' else 'agent' end, 'ana', 'member', 'said before ' || n, 'run_old' || n, loop_now(), loop_now()
    from generate_series(1, ${ITEMS / 2}) n cross join (values ('q'), ('r')) s (side) order by n, side`.execute(db);
  const sent = await server.call(`POST /v1/threads/${id}/messages`, { body: { text: "and now?" } });
  const answered = await until(async () => models.calls.some(({ text }) => text.includes("and now?")), { limitMs: 20_000 });
  const said = models.calls.find(({ text }) => text.includes("and now?"))?.body.messages.length ?? 0;
  const page = (await server.call(`GET /v1/threads/${id}`))?.body["messages"] as unknown[] | undefined;
  return [
    ...(sent !== undefined && sent.status < 300 && answered ? [] : [`its next turn did not come to a model (${sent?.status})`]),
    ...(said > 0 && said < 200 ? [] : [`its next turn carried ${said} messages`]),
    ...(page !== undefined && page.length <= 500 ? [] : ["it is not read by pages"]),
  ];
}

async function manyTools(server: Server, models: FakeModels): Promise<{ offered: number; wrong: string[] }> {
  const states = await server.list<{ name: string; state: string; why: string | null }>("/v1/tools", "tools");
  const why = states.find(({ name }) => name === "many.*")?.why ?? "";
  const offered = Math.max(...models.calls.map(({ body }) => (body.tools as unknown[] | undefined)?.length ?? 0));
  return {
    offered,
    wrong: [
      ...(/lists more than 256 tools/.test(why) ? [] : [`nobody is told of the tools left out: ${why || "nothing"}`]),
      ...(offered > 0 && offered <= 256 ? [] : [`${offered} tools were offered to a model`]),
    ],
  };
}

export const giants: Case = {
  id: "F49",
  title: "prompts of 50 MB, 100,000 items of history, 10,000 tools: refused or paged with a clear limit, and memory stays bounded",
  short: true,
  limitMs: { short: 120_000, full: 180_000 },
  async run(world) {
    const models = await fakeModels(world, answerWell);
    const server = await serverWith(world, filesFor(models.url));
    const isUp = await until(async () => (await server.list<{ name: string }>("/v1/tools", "tools")).some(({ name }) => name === "many.more-1"), {
      limitMs: 30_000,
    });
    const before = residentMb(server.child.pid).rss;
    let most = before;
    const watching = setInterval(() => (most = Math.max(most, residentMb(server.child.pid).rss)), 50);
    const statuses = await Promise.all(
      Array.from({ length: TOGETHER }, (_, at) => GIANTS[at % GIANTS.length]!).map(([path, head, tail]) => pour(server, path, [head, FIFTY_MB, tail])),
    );
    clearInterval(watching);
    const told = statuses.filter((status) => status === 413).length;
    const cut = statuses.filter((status) => status === 0).length; // whoever pours on after the answer may not get to read it
    const grown = most - before;
    const small = await belowTheLimit(server, models);
    const thread = await longThread(server, server.database, models);
    const { offered, wrong } = await manyTools(server, models);
    const health = await server.call("GET /v1/health");
    return judged({
      reached: statuses.length + (isUp ? 1 : 0),
      wanted: TOGETHER + 1,
      figure: `of ${statuses.length} bodies of 50 MB ${told} were refused with 413 and ${cut} cut off, memory grew by ${grown.toFixed(0)} MB meanwhile; ${offered} of ${TOOLS} tools offered; ${[...small, ...thread, ...wrong].join("; ") || "every limit was said"}`,
      conditions: {
        "giants are refused": told > 0 && told + cut === statuses.length,
        [`memory grows by ${GROWTH_MB} MB at most`]: grown <= GROWTH_MB,
        "what is too long is refused before a model": small.length === 0,
        "a long conversation is cut": thread.length === 0,
        "tools are limited": wrong.length === 0,
        "it serves on": health?.status === 200,
      },
    });
  },
};
