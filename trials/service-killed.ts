import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { type Case, judged } from "./harness/case.ts";
import { eventText, fakeModels, soundEvents } from "./harness/fake-models.ts";
import { countOf } from "./harness/oracle.ts";
import { openServer, type Server } from "./harness/server.ts";
import { textOf } from "./harness/text.ts";
import { HEADER } from "./harness/tool-world.ts";
import type { World } from "./harness/world.ts";

const CLIENTS = 6;

async function writeWorkspace(world: World, url: string): Promise<string> {
  const folder = join(world.folder, "asked");
  const files = {
    "loop.yaml": `${HEADER}\nkind: Workspace\nname: asked\nmodels: { strong: "good:m", fast: "good:m" }\nproviders:\n  good: { wire: openai-compatible, baseUrl: "${url}" }\nprices: { "*:*": { inputUsd: 1, outputUsd: 2 } }\n`,
    "agents/helper.yaml": `${HEADER}\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\n`,
    "services/ask.yaml": `${HEADER}\nkind: Service\nname: ask\nstartingAgent: helper\nagents: [helper]\n`,
    "policies/all.yaml": `${HEADER}\nkind: Policy\nname: all\nrules:\n  - { name: think, when: { kind: model }, then: allow, why: thinking is free }\n`,
  };
  await writeFiles(folder, Object.entries(files));
  return folder;
}

/** Calls until it is answered, under one key; how often that took another try. */
async function answerTo(server: () => Server, key: string): Promise<{ readonly said: string; readonly runId: string; readonly broken: number }> {
  for (let broken = 0; ; broken += 1) {
    const reply = await server().call("POST /v1/services/ask", { body: { message: `say ${key}` }, key, timeoutMs: 30_000 });
    if (reply?.status === 200) return { said: JSON.stringify(reply.body["output"]), runId: textOf(reply.body["run_id"]), broken };
    await sleep(100);
  }
}

export const serviceKilled: Case = {
  id: "service-killed",
  title:
    "kill -9 of a server at any time while calls of a service are at work; the callers try again under the same keys: one run and one answer each, no money held",
  short: true,
  limitMs: { short: 120_000, full: 300_000 },
  async run(world) {
    const models = await fakeModels(world, (response, call) => {
      const said = /say (\S+?)["\s}]/.exec(`${call.text} `)?.[1] ?? "nothing";
      response.writeHead(200, { "content-type": "text/event-stream" }).write(eventText(soundEvents(call, [`heard ${said}`])[0]!));
      setTimeout(
        () =>
          response.end(
            soundEvents(call, [`heard ${said}`])
              .slice(1)
              .map(eventText)
              .join(""),
          ),
        60,
      );
    });
    const folder = await writeWorkspace(world, models.url);
    const database = await world.database();
    const { db } = database;
    const home = join(world.folder, "home");
    const open = (life: number): Promise<Server> =>
      openServer(world, { name: `life-${life}`, home, databaseUrl: database.url, env: { LOOP_WORKSPACE: folder } });
    let server = await open(0);
    const [lives, perClient] = world.short ? [3, 15] : [10, 60];
    const answers = new Map<string, Awaited<ReturnType<typeof answerTo>>>();
    const client = async (name: number): Promise<void> => {
      for (let index = 0; index < perClient; index += 1) answers.set(`k-${name}-${index}`, await answerTo(() => server, `k-${name}-${index}`));
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)));
    for (let life = 1; life <= lives; life += 1) {
      await sleep(200 + Math.random() * 400);
      await server.child.kill();
      server = await open(life);
    }
    await clients;
    const keys = CLIENTS * perClient;
    const wrong = [...answers].filter(([key, { said }]) => !said.includes(`heard ${key}`)).map(([key, { said }]) => `${key}: ${said}`);
    const twice = (await Promise.all([...answers].slice(0, 20).map(async ([key, { runId }]) => (await answerTo(() => server, key)).runId === runId))).filter(
      (same) => !same,
    );
    const runs = await countOf(db, "select count(*) as n from runs");
    const done = await countOf(db, "select count(*) as n from runs where state = 'done'");
    const held = await countOf(db, "select count(*) as n from ledger where state = 'reserved'");
    const broken = [...answers.values()].reduce((sum, one) => sum + one.broken, 0);
    return judged({
      reached: Math.min(lives, broken),
      wanted: lives,
      figure: `${keys} calls, ${lives} kills, ${broken} broken and tried again, ${models.calls.length} calls of the model; ${runs} runs, ${done} of them done, ${held} reservations open, ${wrong.length} wrong answers${wrong.length > 0 ? ` (${wrong[0]})` : ""}`,
      conditions: {
        "one run a key": runs === keys && done === keys,
        "each its own answer": wrong.length === 0,
        "a repeat is the same call": twice.length === 0,
        "no money is held": held === 0,
      },
    });
  },
};
