import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { openHome } from "#src/database/home.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { createApi } from "../client/api.ts";
import { readCredentials } from "../client/home-files.ts";
import type { AskShape, TicketShape } from "../client/shapes.ts";
import { targetOf } from "../context.ts";
import { programVersion } from "../program-version.ts";
import { askListText } from "../render/ask-list.ts";
import { toned } from "../render/look.ts";
import { pageOf } from "../render/page.ts";
import { tookText } from "../render/time.ts";
import { padded } from "../render/width.ts";
import { loadProgram, type RunningServer } from "../server/program.ts";
import { killPostgres, type Signals, standUntil, takeSignals } from "../server/run-server.ts";
import { findServer, writeServerFile } from "../server/server-file.ts";
import type { Context } from "../verb.ts";
import { copySample, isEmpty } from "../verbs/workspace-init.ts";
import { demonstrate, SAMPLE_WORKSPACE } from "./demonstration.ts";
import { NotReached, Stopped } from "./live-ticket.ts";
import { aside, headline, type Stage } from "./stage.ts";

export interface Start {
  readonly context: Context;
  readonly env: Environment;
  readonly settings: Settings;
  readonly isDemo: boolean;
}

const FORCED = 130;

/** Brings everything up, shows the loop where nobody has seen it here, and stands until Ctrl-C. Gives the exit code. */
export async function runFirstStart(start: Start): Promise<number> {
  const { settings } = start;
  const already = findServer(settings.homeFolder);
  if (already) return tellAlready(start, already.url);
  const signals = takeSignals(() => {
    killPostgres(settings.homeFolder);
    process.exit(FORCED);
  });
  const server = await bringUp(start);
  const takeBack = writeServerFile(settings.homeFolder, server.url);
  try {
    if (!signals.signal.aborted) return await play(start, { server, signals });
    await server.stop();
    return 0;
  } finally {
    takeBack();
  }
}

interface Up {
  readonly server: RunningServer;
  readonly signals: Signals;
}

async function play(start: Start, up: Up): Promise<number> {
  const { server, signals } = up;
  const { stage, shows, isFirst } = await setStage(start, up);
  if (start.isDemo) return demonstrateAndStop(stage, { server, isFirst });
  const standing = standUntil(server, signals, start.context.say);
  if (shows) await show(stage);
  if (!signals.signal.aborted) await tellStanding(stage, server.url);
  await standing;
  return 0;
}

function tellAlready({ context, settings, isDemo }: Start, url: string): number {
  context.print(`A server runs already for the home ${settings.homeFolder}: ${url}`);
  context.print(`${context.command()} status shows how it is, ${context.command()} down stops it.`);
  if (isDemo) context.say("The demonstration needs a home that nobody serves: stop that server first, or set LOOP_HOME to another folder.");
  return isDemo ? 1 : 0;
}

/** Prints each part when it is there, with the time since the start. */
async function bringUp({ context, env, settings }: Start): Promise<RunningServer> {
  const startedMs = performance.now();
  const line = (part: string, text: string): void => context.print(`${tookText(performance.now() - startedMs).padStart(7)}  ${padded(part, 10)} ${text}`);
  context.print(`Loopwright ${programVersion()}\n`);
  await openHome(settings.homeFolder); // a home that cannot be used is told as such, before anything is put into it
  const isNew = isEmpty(settings.workspaceFolder);
  if (isNew) copySample(SAMPLE_WORKSPACE, settings.workspaceFolder);
  line("workspace", `${settings.workspaceFolder}${isNew ? `, a copy of the sample ${SAMPLE_WORKSPACE}` : ""}`);
  context.print(
    toned(`         starting   the database and the server${isNew ? "; the first time takes a few seconds" : ""}`, "quiet", pageOf(env, process.stdout)),
  );
  const { serve } = await loadProgram();
  const steps: Readonly<Record<string, string>> = {
    database: settings.databaseUrl === undefined ? `Postgres of its own, data in ${join(settings.homeFolder, "postgres")}` : "the one of DATABASE_URL",
  };
  const server = await serve(settings, env, {
    onStep: (step) => steps[step] !== undefined && line(step, steps[step]),
    say: (sentence) => line("upgrade", sentence),
  });
  const handle = readCredentials(settings.homeFolder)?.handle;
  line(
    "server",
    `${server.url === "" ? `ready, with the roles ${settings.roles.join(", ")}` : `${server.url}${handle === undefined ? "" : `, you are ${handle}`}`}`,
  );
  line("models", modelWords(settings));
  return server;
}

/** Keys are named, never used without a word. */
function modelWords({ modelKeysFound, usesModel }: Settings): string {
  if (modelKeysFound.length === 0) return "no key in the environment: it works by the rules of the workspace";
  return usesModel
    ? `uses ${modelKeysFound.join(", ")}`
    : `${modelKeysFound.join(", ")} found and not used; npm start -- --model uses ${modelKeysFound.length === 1 ? "it" : "them"}`;
}

interface Set {
  readonly stage: Stage;
  /** Nothing was ever sent here, and the workspace is the sample. */
  readonly shows: boolean;
  readonly isFirst: boolean;
}

async function setStage({ context, env, settings, isDemo }: Start, { server, signals }: Up): Promise<Set> {
  const target = targetOf(settings.homeFolder);
  const stage: Stage = {
    api: createApi(target),
    target,
    homeFolder: settings.homeFolder,
    outboxFolder: server.home.outbox,
    command: context.command(),
    look: () => pageOf(env, process.stdout),
    print: context.print,
    signal: signals.signal,
    interrupted: signals.stop,
    mode: isDemo ? "answers" : process.stdin.isTTY && process.stdout.isTTY ? "asks" : "waits",
  };
  if (server.url === "") return { stage, shows: false, isFirst: false };
  const { tickets } = JSON.parse(await stage.api.get("/v1/tickets?limit=1")) as { tickets: TicketShape[] };
  const isFirst = tickets.length === 0;
  return { stage, shows: isFirst && isSample(settings.workspaceFolder), isFirst };
}

/** Made of the sample, whatever became of it since: the message names one of its homes. */
const isSample = (folder: string): boolean => !isEmpty(join(folder, "samples"));

async function show(stage: Stage): Promise<void> {
  try {
    const missing = await demonstrate(stage, true);
    for (const sentence of missing) stage.print(toned(`! ${sentence}`, "bad", stage.look()));
  } catch (error) {
    if (error instanceof Stopped || stage.signal.aborted) return;
    if (!(error instanceof NotReached) && !(error instanceof LoopError)) throw error;
    stage.print(
      toned(`! The demonstration broke off: ${error.message}. The server goes on; ${stage.command} tickets shows where things stand.`, "bad", stage.look()),
    );
  }
}

async function demonstrateAndStop(stage: Stage, { server, isFirst }: { server: RunningServer; isFirst: boolean }): Promise<number> {
  try {
    const missing = await demonstrate(stage, isFirst);
    headline(stage, missing.length === 0 ? "all of it was seen and verified" : "not all of it was seen");
    for (const sentence of missing) stage.print(`! ${sentence}`);
    return missing.length === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof NotReached) && !(error instanceof Stopped)) throw error;
    stage.print(`! The demonstration broke off: ${error.message || "it was stopped"}.`);
    return 1;
  } finally {
    await server.stop();
    stage.print("Stopped. Nothing is left running.");
  }
}

async function tellStanding(stage: Stage, url: string): Promise<void> {
  const { api, command, look, print, homeFolder } = stage;
  headline(stage, "it stays up");
  if (url !== "") {
    const { asks } = JSON.parse(await api.get("/v1/asks")) as { asks: AskShape[] };
    const { numbersOf } = await import("../client/ticket-numbers.ts");
    const needs = asks.filter(({ kind }) => kind !== "acknowledgement");
    if (needs.length > 0) print(`${askListText(needs, { numbers: await numbersOf(api, needs), command }, look())}\n`);
  }
  aside(stage, `${url === "" ? "" : `${url} · `}everything it keeps is in ${homeFolder}`);
  aside(stage, `${command} send "…" sends a message · ${command} asks shows what needs you · ${command} help shows the rest · Ctrl-C stops`);
}
