import { access, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { accountWithPi, pathWithPi, type Printed, runPi, scriptedModels, type Script } from "./harness/agent-cli.ts";
import { type Case, judged } from "./harness/case.ts";
import { openServer } from "./harness/server.ts";
import { HEADER } from "./harness/tool-world.ts";
import { until } from "./harness/wait.ts";

/** As it stands in a command line: the path may have a space. */
const LOOP = `"${join(import.meta.dirname, "..", "bin", "loop")}"`;

/** Asks, and writes down what it was told. */
const SCOUT = `#!/bin/sh
answer=$("$LOOP_BIN" _ ask --prompt 'Which colour?' --options red,blue) && echo "chosen: $answer" > "$LOOP_REPORTS_DIR/scout.txt"
`;

const FILES = (scout: string): Readonly<Record<string, string>> => ({
  "loop.yaml": `${HEADER}\nkind: Workspace\nname: agent-cli\ndefaults: { agent: scout }\n`,
  "PLAYBOOK.md": "# Playbook\n\nBlue is better.\n",
  "goals/ship.md": "# Ship it\n\nDone when something blue was built.\n",
  "agents/scout.yaml": `${HEADER}\nkind: Agent\nname: scout\nrunner: command\ncommand: { preset: custom, run: "sh ${scout} {{prompt_file}}" }\n`,
  "agents/builder.yaml": `${HEADER}\nkind: Agent\nname: builder\nrunner: command\ncommand: { preset: pi, env: { PI_OFFLINE: "1" } }\n`,
});

interface Seen {
  readonly cursor: string;
  readonly asks: readonly { readonly alias: string }[];
  readonly workers: readonly { readonly id: string; readonly alive: boolean }[];
}

const seenIn = (printed: Printed): Seen | undefined => {
  try {
    return JSON.parse(printed.at(-1) ?? "") as Seen;
  } catch {
    return undefined; // it was no answer of wait or state
  }
};

const MOST_WAITS = 40;
const WAIT = `${LOOP} _ wait --json`;

/** Waits, answers what is asked, starts a worker, waits for its end, puts the goal away. It knows where it stands by what the commands printed. */
const decides = (): Script => {
  let stage: "ask" | "answered" | "started" | "archived" = "ask";
  return (printed) => {
    if (printed.length > MOST_WAITS) return undefined;
    const seen = seenIn(printed);
    if (stage === "ask") {
      const ask = seen?.asks[0];
      if (!ask) return WAIT;
      stage = "answered";
      return `${LOOP} _ answer ${ask.alias} blue`;
    }
    if (stage === "answered") {
      stage = "started";
      return `${LOOP} _ worker start builder 'Build it in blue.' --agent builder --verify 'test -e built'`;
    }
    if (stage === "started") {
      const builder = seen?.workers.find(({ id }) => id === "builder");
      if (!builder || builder.alive) return seen ? `${WAIT} --since ${seen.cursor}` : WAIT;
      stage = "archived";
      return `${LOOP} _ goal archive ship`;
    }
    return undefined;
  };
};

const BUILDS = 'touch built && echo "built in blue" > "$LOOP_REPORTS_DIR/builder.txt" && "$LOOP_BIN" _ claim the-build';
const builds: Script = (printed) => (printed.length === 0 ? BUILDS : undefined);

const LIMIT_MS = 120_000;

export const agentCliRuns: Case = {
  id: "agent-cli",
  title:
    "a real coding agent from npm (pi, before a scripted model) decides by the verbs of the command line: it waits, answers a worker, starts a second one, which is pi too, and archives the goal; judged by the record alone",
  needs: ["bwrap", "agent cli"],
  short: true,
  limitMs: { short: 240_000, full: 240_000 },
  async run(world) {
    const models = await scriptedModels(world, { decider: decides(), builder: builds });
    const account = await accountWithPi(world, { url: models.url, models: ["decider", "builder"], usual: "builder" });
    const [workspace, home, desk] = ["workspace", "home", "desk"].map((name) => join(world.folder, name)) as [string, string, string];
    await mkdir(desk, { recursive: true });
    const scout = join(workspace, "scout.sh");
    await writeFiles(workspace, Object.entries({ ...FILES(scout), "scout.sh": SCOUT }));
    const { db, url } = await world.database();
    const env = { LOOP_WORKSPACE: workspace, HOME: account, PATH: pathWithPi() };
    const server = await openServer(world, { name: "server", home, databaseUrl: url, env });
    const started = await server.call("POST /v1/loop/worker/start", { body: { id: "scout", prompt: "Ask for the colour.", agent: "scout" } });
    const prompt = `You decide here, by ${LOOP} _. Wait for what is asked, answer it, have it built, then archive the goal.`;
    const pi = await runPi(world, { prompt, model: "decider", cwd: desk, env: { HOME: account, LOOP_HOME: home }, limitMs: LIMIT_MS });
    const isResolved = await until(async () => (await ticketsOf(db))["builder"] === "resolved", { limitMs: 20_000 });
    const commands = models.commands.get("decider") ?? [];
    const [lines, answers, ends, claims] = [await linesOf(db, "agent:root"), await answersBy(db, "agent:root"), await endsOf(db), await claimsOf(db)];
    const report = (name: string): Promise<string> => readFile(join(workspace, "reports", name), "utf8").catch(() => "");
    const ranVerbs = ["wait", "answer", "worker start", "goal archive"].filter((verb) => commands.some((command) => command.includes(` _ ${verb}`)));
    return judged({
      reached: ranVerbs.length,
      wanted: 4,
      figure: `pi ran ${commands.length} commands as agent:root (${lines.join(", ")}); the scout wrote ${JSON.stringify((await report("scout.txt")).trim())}, the builder ended with ${ends["builder"] ?? "nothing"}${pi.exitCode === 0 ? "" : `; pi said ${pi.said.slice(-400)}`}`,
      conditions: {
        "the first worker was started": started?.status === 200,
        "pi ended by itself": pi.exitCode === 0,
        "the ask was answered by the root agent": answers === 1,
        "the answer reached the worker": (await report("scout.txt")) === "chosen: blue\n" && ends["scout"] === "0",
        "the root agent started the second worker": lines.includes("start-worker builder"),
        "which worked in its sandbox": (await report("builder.txt")) === "built in blue\n" && ends["builder"] === "0",
        "spoke for its own run": claims.includes("the-build"),
        "and what it did was checked": isResolved,
        "the root agent archived the goal": lines.includes("archive-goal ship") && (await isThere(join(workspace, "goals", "archive", "ship.md"))),
        "the goal is no longer in force": !(await isThere(join(workspace, "goals", "ship.md"))),
      },
    });
  },
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Lines of the journal that this principal wrote, oldest first. */
async function linesOf(db: Db, handle: string): Promise<string[]> {
  const { rows } = await sql<{ body: string }>`
    select p.body from events e join payloads p on p.event_id = e.id join principals by_whom on by_whom.id = e.actor
     where e.kind = 'loop.action' and by_whom.handle = ${handle} order by e.id`.execute(db);
  return rows.map(({ body }) => (JSON.parse(body) as { line: string }).line);
}

async function answersBy(db: Db, handle: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from events e join principals by_whom on by_whom.id = e.actor
     where e.kind = 'ask.answered' and by_whom.handle = ${handle}`.execute(db);
  return rows[0]?.n ?? 0;
}

/** Exit codes of workers, by name. */
async function endsOf(db: Db): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ alias: string; body: string }>`
    select t.alias, p.body from events e join payloads p on p.event_id = e.id join tickets t on t.id = e.ticket_id where e.kind = 'worker.ended'`.execute(db);
  return Object.fromEntries(rows.map(({ alias, body }) => [alias, String((JSON.parse(body) as { exitCode: number | null }).exitCode)]));
}

async function ticketsOf(db: Db): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ alias: string; status: string }>`select alias, status from tickets where alias is not null`.execute(db);
  return Object.fromEntries(rows.map(({ alias, status }) => [alias, status]));
}

/** Names that were claimed by the run of the builder. */
async function claimsOf(db: Db): Promise<string[]> {
  const { rows } = await sql<{ body: string }>`
    select p.body from events e join payloads p on p.event_id = e.id
     where e.kind like 'claim.%' and e.run_id in (select r.id from runs r join tickets t on t.id = r.ticket_id where t.alias = 'builder')`.execute(db);
  return rows.map(({ body }) => (JSON.parse(body) as { name: string }).name);
}
