import { generateKeyPairSync } from "node:crypto";
import type { MessagePort, OutboundMessage } from "#src/acts/ports/message-port.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { toolBox, type ToolPort } from "#src/acts/ports/tool-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { signerOf } from "#src/journal/signing.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { createRedactor, type Redactor } from "#src/kernel/redaction.ts";
import { createPriceList } from "#src/ledger/prices.ts";
import { claim, claimBounded } from "#src/leases/store/claim.ts";
import { fireTimers } from "#src/leases/store/timers.ts";
import { expireDueAsks } from "#src/asks/expire.ts";
import { assembleEngine, type EngineParts } from "#src/runs/assemble.ts";
import { createRun } from "#src/runs/create.ts";
import type { Engine } from "#src/runs/engine.ts";
import { reconcile } from "#src/runs/reconcile.ts";
import { LeaseLost } from "#src/runs/store/hold.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { askHuman } from "#src/runs/tools/ask-human.ts";
import { brainSearch } from "#src/runs/tools/brain-search.ts";
import { memoryTools } from "#src/runs/tools/memory.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { silentLog } from "./silent-log.ts";

export interface TestEngineOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly files: FileSet;
  readonly model?: ModelPort;
  readonly tools?: readonly ToolPort[];
  readonly surfaces?: readonly MessagePort[];
  readonly sandbox?: SandboxPort;
  readonly redactor?: Redactor;
  /** Where workers are started; left out: nowhere. */
  readonly workers?: EngineParts["workers"];
}

/** An engine over a test database with this workspace in force; nothing moves until `drain`. */
export async function testEngine(options: TestEngineOptions): Promise<Engine> {
  const { db, clock } = options;
  const applied = await applyFiles(db, clock, { files: options.files, author: "system", note: "test" });
  if (applied.kind === "problems") throw new Error(`the workspace of the test is broken: ${JSON.stringify(applied.problems, null, 1)}`);
  const workspaces = createWorkspaceView(db);
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(db, { ...signer, host: "test" });
  return assembleEngine({
    db,
    clock,
    log: silentLog,
    signer,
    redactor: options.redactor ?? createRedactor(),
    workspaces,
    model: options.model,
    tiers: (workspace) => tiersOf(workspace, {}),
    prices: (workspace) => createPriceList({ overrides: workspace.manifest.prices, providers: workspace.manifest.providers, clock }),
    whenEnded: () => undefined,
    host: "test",
    maxTries: 5,
    tools: toolBox([
      brainSearch(db, undefined),
      ...memoryTools({ db, clock, workspaces, embedder: undefined }),
      askHuman(db, workspaces),
      ...(options.tools ?? []),
    ]),
    surfaces: options.surfaces ?? [],
    workers: options.workers,
    checks: { sandbox: () => Promise.resolve(options.sandbox ?? noSandbox), folder: "/", runSensor: () => Promise.resolve(undefined) },
  });
}

const noSandbox: SandboxPort = {
  name: "none",
  available: () => Promise.resolve({ ok: false, why: "there is no sandbox in this test" }),
  run: () => Promise.reject(new Error("there is no sandbox in this test")),
  start: () => Promise.reject(new Error("there is no sandbox in this test")),
  wrap: () => Promise.reject(new Error("there is no sandbox in this test")),
};

/** Queues a run of this agent with this text. */
export async function startRun(engine: Engine, agent: string, text: string): Promise<RunId> {
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  return inTransaction(engine.db, (tx) =>
    createRun(tx, place, { agent, ticketId: null, threadId: null, labels: {}, input: { text, source: "test", trust: "owner" } }),
  );
}

/** Moves everything that can move now: due timers and asks, then due runs, until nothing is due. Gives how many claims it took. */
export async function drain(engine: Engine): Promise<number> {
  const holder = { holder: "test", leaseMs: 10_000 };
  for (let claims = 0; ;) {
    await fireTimers(engine.db);
    await expireDueAsks(engine.db, engine.clock);
    const bounded = await claimBounded(engine.db, holder);
    const leases = [...(await claim(engine.db, { ...holder, limit: 10 })), ...(bounded ? [bounded] : [])];
    if (leases.length === 0) return claims;
    for (const lease of leases) {
      claims += 1;
      await reconcile(engine, lease, { abort: new AbortController().signal, isFresh: () => true, stopping: () => false }).catch((error: unknown) => {
        if (!(error instanceof LeaseLost)) throw error;
      });
    }
  }
}

/** A surface in memory that keeps what was posted, by key. */
export function memorySurface(name: string): MessagePort & { readonly posted: Map<string, OutboundMessage> } {
  const posted = new Map<string, OutboundMessage>();
  const refOf = (key: string) => ({ surface: name, messageId: key });
  return {
    name,
    posted,
    post(message, key) {
      posted.set(key, message);
      return Promise.resolve(refOf(key));
    },
    find: (key) => Promise.resolve(posted.has(key) ? refOf(key) : undefined),
  };
}
