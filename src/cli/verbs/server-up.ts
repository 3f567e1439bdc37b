import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openHome } from "#src/database/home.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createApi, type Target } from "../client/api.ts";
import { readCredentials } from "../client/home-files.ts";
import type { WorkspaceShape } from "../client/workspace-shapes.ts";
import { targetOf } from "../context.ts";
import { findProcesses, findServer } from "../server/server-file.ts";
import type { Context, Verb } from "../verb.ts";

const READY_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 50;

export const serverUp: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "The server and its pulse, which senses and keeps the time. Its log is always JSON, a line each: logs/server.log of the home.",
  examples: ["loop up", "LOOP_PORT=0 loop up --json"],
  async run(_given, context) {
    const { homeFolder, roles } = await context.settings(); // all of them are checked before anything is started
    const answers = roles.includes("api");
    if (answers && findServer(homeFolder) && (await isReady(homeFolder))) return tell(context, { what: "It runs already", pulse: "already running" });
    const home = await openHome(homeFolder);
    const log = join(home.logs, "up.log");
    const child = start(log);
    let deadline = performance.now() + READY_WITHIN_MS;
    const isUp = async (): Promise<boolean> =>
      findProcesses(homeFolder).some(({ processId }) => processId === child.processId) && (!answers || isReady(homeFolder));
    while (!(await isUp())) {
      if (child.ended()) throw notStarted(log, child.said());
      if (relay(child, context)) deadline = performance.now() + READY_WITHIN_MS; // a backup before an upgrade may take longer, and says so
      if (performance.now() > deadline)
        throw new LoopError(
          "server_not_running",
          `The server is not ready after ${READY_WITHIN_MS / 1_000} s; it goes on trying as process ${child.processId}. See ${home.logs}/server.log.`,
        );
      await pause(LOOK_EVERY_MS);
    }
    relay(child, context, 0);
    child.leave();
    const what = answers ? "The server is up" : `A process with the roles ${roles.join(", ")} works beside the server`;
    await tell(context, { what, pulse: roles.includes("pulse") ? "started" : null });
  },
};

/** `pulse` null: this process does not look after it. */
async function tell(context: Context, { what, pulse }: { what: string; pulse: "started" | "already running" | null }): Promise<void> {
  const homeFolder = context.homeFolder();
  const credentials = readCredentials(homeFolder);
  if (context.json) return context.print(JSON.stringify({ url: credentials?.url ?? null, home: homeFolder, handle: credentials?.handle ?? null, pulse }));
  context.print(`${what}: ${credentials?.url ?? "no address"} (home ${homeFolder}). You are ${credentials?.handle ?? "nobody"}.`);
  if (pulse !== null) context.print(`loop: pulse ${pulse}`);
  if (await isReady(homeFolder)) await tellAgent(context, targetOf(homeFolder));
}

/** Said until an agent has listened, where the workspace is for one. */
async function tellAgent(context: Context, target: Target): Promise<void> {
  const { wantsAgent } = JSON.parse(await createApi(target).get("/v1/workspace")) as WorkspaceShape;
  if (wantsAgent) context.print((await import("../render/tell-agent.ts")).tellAgentText(context.command()));
}

export async function isReady(homeFolder: string): Promise<boolean> {
  const target = targetOf(homeFolder);
  if (target.token === undefined) return false;
  try {
    await createApi(target).get("/v1/ready");
    return true;
  } catch (error) {
    if (error instanceof LoopError && (error.code === "server_not_running" || error.httpStatus >= 500)) return false;
    throw error;
  }
}

/** A server in a session of its own, so that it outlives this terminal. What it says goes into the log. */
function start(log: string) {
  const file = openSync(log, "a", 0o600);
  const from = statSync(log).size;
  const main = join(import.meta.dirname, "..", `main${extname(import.meta.filename)}`);
  const child = spawn(process.execPath, [main, "serve"], { detached: true, stdio: ["ignore", file, file] });
  closeSync(file);
  let hasEnded = false;
  child.on("exit", () => (hasEnded = true));
  child.on("error", () => (hasEnded = true));
  let relayed = 0;
  const firstSeenMs: number[] = [];
  const said = (): string => readFileSync(log).subarray(from).toString("utf8");
  return {
    processId: child.pid,
    ended: () => hasEnded,
    leave: () => child.unref(),
    said,
    /** Whole lines that are so old and were not given before: the very last ones may be why it ends, and that is told otherwise. */
    news(olderThanMs: number): string[] {
      const lines = said().split("\n").slice(0, -1);
      const nowMs = performance.now();
      while (firstSeenMs.length < lines.length) firstSeenMs.push(nowMs);
      const settled = firstSeenMs.filter((seenMs) => nowMs - seenMs >= olderThanMs).length;
      return lines.slice(relayed, (relayed = settled));
    },
  };
}

const SETTLED_MS = 1_000;

/** What a server says while it starts, besides that it is ready. True: it said something. */
function relay(child: ReturnType<typeof start>, { say }: Context, olderThanMs: number = SETTLED_MS): boolean {
  const news = child.news(olderThanMs).filter((line) => line !== "" && !line.startsWith("Ready") && !line.startsWith("{"));
  news.forEach((line) => say(line));
  return news.length > 0;
}

/** What it said before it ended is the reason. */
function notStarted(log: string, words: string): LoopError {
  const said = words.trim();
  return new LoopError(
    "server_not_running",
    said === "" ? `The server ended while it started and said nothing. See ${log}.` : `The server did not start. ${said}`,
  );
}
