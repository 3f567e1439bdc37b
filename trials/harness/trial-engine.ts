import { createWriteStream } from "node:fs";
import { join } from "node:path";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { type ToolBox, toolBox, type ToolPort } from "#src/acts/ports/tool-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { openSigner } from "#src/journal/signing.ts";
import { type Clock, systemClock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { createLog, type Log } from "#src/kernel/log.ts";
import { createRedactor, type Redactor } from "#src/kernel/redaction.ts";
import { createPriceList } from "#src/ledger/prices.ts";
import { assembleEngine } from "#src/runs/assemble.ts";
import { createRun } from "#src/runs/create.ts";
import type { Engine } from "#src/runs/engine.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { brainSearch } from "#src/runs/tools/brain-search.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { applyFiles } from "#src/workspace/taking.ts";

const HEADER = "apiVersion: loopwright.dev/v1";
const TOOLS = ["idempotent", "findable", "once", "careful", "slow", "deaf", "crash", "bug"].map((name) => `effect.${name}`);

/** The chat workspace with all tools of the trials and room for long runs. */
export function stormWorkspace(more: Readonly<Record<string, string>> = {}): FileSet {
  return chatWorkspace({
    "agents/helper.yaml": `${HEADER}\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\nmaxTurns: 200\ninstructions: Do what you are told.\ntools: [${TOOLS.join(", ")}]\n`,
    ...more,
  });
}

export async function putInForce(db: Db, files: FileSet): Promise<void> {
  const applied = await applyFiles(db, systemClock, { files, author: "system", note: "trial" });
  if (applied.kind === "problems") throw new Error(`the workspace of the trial is broken: ${JSON.stringify(applied.problems, null, 1)}`);
}

export interface EngineOptions {
  readonly db: Db;
  /** Keys and logs lie here. */
  readonly folder: string;
  readonly name: string;
  readonly clock?: Clock;
  readonly model?: ModelPort;
  readonly tools?: readonly ToolPort[];
  /** In place of `tools` and what is built in. */
  readonly shelf?: ToolBox;
  /** What it knows of secrets; left out: nothing. */
  readonly redactor?: Redactor;
  readonly surfaces?: readonly MessagePort[];
  readonly maxTries?: number;
}

/** The engine that main.ts would build, with ports of the trial's own. */
export async function trialEngine({ db, folder, name, clock = systemClock, ...parts }: EngineOptions): Promise<Engine> {
  return assembleEngine({
    db,
    clock,
    log: fileLog(folder, name),
    signer: await openSigner({ keyFolder: join(folder, "keys"), db, host: "trial" }),
    redactor: parts.redactor ?? createRedactor(),
    workspaces: createWorkspaceView(db),
    model: parts.model,
    tiers: (workspace) => tiersOf(workspace, {}),
    prices: (workspace) => createPriceList({ overrides: workspace.manifest.prices, providers: workspace.manifest.providers, clock }),
    whenEnded: () => undefined,
    host: "trial",
    maxTries: parts.maxTries ?? 5,
    tools: parts.shelf ?? toolBox([brainSearch(db, undefined), ...(parts.tools ?? [])]),
    surfaces: parts.surfaces ?? [],
    checks: { sandbox: () => Promise.resolve(noSandbox), folder: "/", runSensor: () => Promise.resolve(undefined) },
  });
}

export function fileLog(folder: string, name: string): Log {
  const file = createWriteStream(join(folder, "logs", `${name}.log`), { flags: "a" });
  file.on("error", () => undefined);
  return createLog({ clock: systemClock, redactor: createRedactor(), level: "info", write: (line) => void file.write(line) });
}

const noSandbox: SandboxPort = {
  name: "none",
  available: () => Promise.resolve({ ok: false, why: "there is no sandbox in this trial" }),
  run: () => Promise.reject(new Error("there is no sandbox in this trial")),
  start: () => Promise.reject(new Error("there is no sandbox in this trial")),
  wrap: () => Promise.reject(new Error("there is no sandbox in this trial")),
};

/** Queues runs of the agent `helper`, a script each, in one transaction. */
export async function queueRuns(db: Db, scripts: readonly string[]): Promise<RunId[]> {
  const { revision, workspace } = await createWorkspaceView(db).current();
  const place = { clock: systemClock, revision, workspace, tiers: tiersOf(workspace, {}) };
  return inTransaction(db, async (tx) => {
    const made: RunId[] = [];
    for (const text of scripts) {
      made.push(await createRun(tx, place, { agent: "helper", ticketId: null, threadId: null, labels: {}, input: { text, source: "trial", trust: "owner" } }));
    }
    return made;
  });
}
