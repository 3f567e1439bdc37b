import { type AddressInfo, createServer } from "node:net";
import { basename } from "node:path";
import { createEmulator } from "emulate";
import { sql } from "kysely";
import type { Case } from "./harness/case.ts";
import { type Place, POINTS_OF_AN_ACT, sweepCase, sweepJudged } from "./harness/kill-sweep.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";

const OWNER = "ana";
const TOKEN = "token-of-the-trial";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A local GitHub with a repository for each life. */
async function openGithub() {
  const port = await freePort();
  const emulator = await createEmulator({
    service: "github",
    port,
    seed: { tokens: { [TOKEN]: { login: OWNER, scopes: ["repo"] } }, github: { users: [{ login: OWNER }] } },
  });
  const url = `http://127.0.0.1:${port}`;
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const init = { method, headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}) };
    const answer = await fetch(`${url}${path}`, init);
    if (!answer.ok) throw new Error(`the local GitHub answered ${method} ${path} with ${answer.status}`);
    return answer.json();
  };
  return { url, call, close: () => emulator.close() };
}

type Github = Awaited<ReturnType<typeof openGithub>>;

const repoOf = ({ folder }: Place): string => `${OWNER}/${basename(folder)}`;

async function judge(github: Github, place: Place): Promise<Readonly<Record<string, unknown>>> {
  const { db } = place.database;
  const issues = (await github.call("GET", `/repos/${repoOf(place)}/issues?state=all&per_page=100`)) as { number: number; title: string; body: string }[];
  const { rows: acts } = await sql<{ name: string; state: string; key: string; result: { number?: number } }>`
    select name, state, key, result from acts where kind <> 'model' order by turn, ordinal`.execute(db);
  const { rows: asks } = await sql<{ ask: string }>`select purpose || ' ' || state || ' ' || coalesce(answer, '') as ask from asks`.execute(db);
  const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
  return {
    issues: issues.map(({ title }) => title),
    marked: issues.map(({ body }) => acts.filter(({ key }) => body.includes(key)).length),
    acts: acts.map(({ name, state, result }) => `${name} ${state} #${result?.number}`),
    asks: asks.map(({ ask }) => ask),
    runs: runs.map(({ state }) => state),
    decisions: await countOf(db, "select count(*) as n from ask_decisions"),
    journal: (await verifiedJournal(db)).isSound,
  };
}

export const githubOnce: Case = sweepCase(
  "github-once",
  "kill -9 at every step of creating an issue on GitHub after an approval: exactly one issue",
  async (world) => {
    const github = await openGithub();
    world.after(github.close);
    return sweepJudged(world, {
      script: new URL("./github-once-child.ts", import.meta.url),
      prepare: async (place) => void (await github.call("POST", "/user/repos", { name: basename(place.folder) })),
      args: (place) => [place.database.url, place.folder, github.url, repoOf(place), TOKEN],
      named: [...POINTS_OF_AN_ACT.map((point) => `act.tool.${point}`), "ask.committed"],
      every: 3,
      judge: (place) => judge(github, place),
    });
  },
);
