import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import { chat } from "#src/runs/chat/procedure.ts";
import { desk } from "#src/runs/desk/procedure.ts";
import { nextMove } from "#src/runs/next-move.ts";
import type { RunState } from "#src/runs/run.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";

const PROCEDURES = new Map([desk, chat].map((procedure) => [procedure.name, procedure]));
const FIXTURES = join(import.meta.dirname, "..", "fixtures");

/** One decision of a version: what was on record, and what the version did next. */
export interface Decision {
  /** Names one of the recorded workspaces. */
  readonly workspace: string;
  readonly state: RunState;
  readonly move: Json;
}

/** What a version decided, with the workspaces it decided by, as texts. */
export interface History {
  readonly version: string;
  readonly workspaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly decisions: readonly Decision[];
}

/** What the code of today does next, as JSON. @throws Error naming what it cannot read */
export function decide(state: RunState, workspace: Workspace): Json {
  const procedure = PROCEDURES.get(state.run.procedure);
  if (!procedure) throw new Error(`there is no procedure ${state.run.procedure} any more`);
  return JSON.parse(JSON.stringify(nextMove(state, procedure, workspace))) as Json;
}

export function workspaceOf(texts: Readonly<Record<string, string>>): Workspace {
  const parsed = parseWorkspace(new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)])));
  if (parsed.kind === "ok") return parsed.workspace;
  throw new Error(`a workspace of an earlier version is not sound any more: ${JSON.stringify(parsed.problems.slice(0, 3))}`);
}

/** One version each, oldest name first. */
export async function readHistories(): Promise<History[]> {
  const files = (await readdir(FIXTURES)).filter((name) => /^decisions-.*\.json\.gz$/.test(name)).toSorted();
  return Promise.all(files.map(async (name) => grownUp(JSON.parse(gunzipSync(await readFile(join(FIXTURES, name))).toString("utf8")) as History)));
}

/** What migrations gave the rows of an older version since. */
function grownUp(history: History): History {
  const decisions = history.decisions.map((decision) => {
    const { run } = decision.state;
    return { ...decision, state: { ...decision.state, run: { ...run, brief: (run as { brief?: typeof run.brief }).brief ?? {} } } };
  });
  return { ...history, decisions };
}

export async function writeHistory(history: History): Promise<void> {
  await mkdir(FIXTURES, { recursive: true });
  await writeFile(join(FIXTURES, `decisions-${history.version}.json.gz`), gzipSync(JSON.stringify(history), { level: 9 }));
}

export const isSame = (a: Json, b: Json): boolean => canonicalJson(a) === canonicalJson(b);
