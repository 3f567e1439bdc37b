import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { Ask } from "#src/asks/ask.ts";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { expireDueAsks } from "#src/asks/expire.ts";
import { reindex } from "#src/brain/reindex.ts";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { claim, claimBounded } from "#src/leases/store/claim.ts";
import { abandon } from "#src/leases/store/park.ts";
import { fireTimers } from "#src/leases/store/timers.ts";
import type { Engine } from "#src/runs/engine.ts";
import { reconcile } from "#src/runs/reconcile.ts";
import type { RunState } from "#src/runs/run.ts";
import { LeaseLost } from "#src/runs/store/hold.ts";
import { readState } from "#src/runs/store/state.ts";
import { receive, WORKSPACES_FOLDER } from "#src/testing/desk.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { listFolder } from "#src/workspace/folder.ts";
import { type Decision, decide, writeHistory } from "./harness/decisions.ts";
import { openOutside } from "./harness/effects.ts";
import { effectSurface, effectTools } from "./harness/effect-ports.ts";
import { PERSON } from "./harness/people.ts";
import { scriptedByText } from "./harness/script.ts";
import { putInForce, queueRuns, stormWorkspace, trialEngine } from "./harness/trial-engine.ts";
import { openShared, openWorld, type World } from "./harness/world.ts";

/*
 * Writes what this version decides, for F56 of the versions after it. Run it once for a release, by `node trials/f56-record.ts <version>`, and keep the file
 * for as long as runs of that version may be open.
 */

const version = process.argv[2];
if (version === undefined) throw new Error("expected the version that is recorded, such as 0.1.0");

const decisions: Decision[] = [];
const workspaces: Record<string, Record<string, string>> = {};

const known = new Set<string>();

/** Every state that a crash may leave behind between intent and outcome decides too. */
function statesOf(state: RunState): RunState[] {
  const planned = state.acts.findIndex((act) => act.state === "planned");
  if (planned === -1) return [state];
  const started = state.acts.map((act, index) => (index === planned ? { ...act, state: "started" as const, attempts: 1 } : act));
  return [state, { ...state, acts: started }];
}

/** By purpose, which of the options is given the first time, the second, and so on; the first where nothing is said. */
type Answers = Readonly<Record<string, readonly number[]>>;

/** Moves everything by one move a claim, and writes down what each was decided on. */
async function play(engine: Engine, name: string, answers: Answers): Promise<void> {
  const given = new Map<string, number>();
  const answerTo = (ask: Ask): string => {
    const key = `${ask.runId} ${ask.purpose}`;
    const time = given.get(key) ?? 0;
    given.set(key, time + 1);
    const options = answers[ask.purpose] ?? [0];
    return ask.options[options[Math.min(time, options.length - 1)]!] ?? "yes";
  };
  const { workspace } = await engine.workspaces.current();
  for (let idle = 0; idle < 2;) {
    await fireTimers(engine.db);
    await expireDueAsks(engine.db, engine.clock);
    const bounded = await claimBounded(engine.db, { holder: "record", leaseMs: 60_000 });
    const leases = [...(await claim(engine.db, { holder: "record", leaseMs: 60_000, limit: 10 })), ...(bounded ? [bounded] : [])];
    for (const lease of leases) {
      const state = JSON.parse(JSON.stringify(await readState(engine.db, lease.runId))) as RunState;
      for (const one of statesOf(state)) {
        const shape = `${name} ${one.run.id} ${one.acts.map((act) => act.state).join()} ${one.asks.map((ask) => ask.state).join()} ${one.messages.length}`;
        if (!known.has(shape)) decisions.push({ workspace: name, state: one, move: decide(one, workspace) });
        known.add(shape);
      }
      let moves = 0;
      await reconcile(engine, lease, { abort: new AbortController().signal, isFresh: () => true, stopping: () => (moves += 1) > 1 }).catch((error: unknown) => {
        if (!(error instanceof LeaseLost)) throw error;
      });
      await abandon(engine.db, lease, { pauseMs: 0, counts: false });
    }
    const asks = leases.length === 0 ? await openAsks(engine.db) : [];
    for (const ask of asks)
      await answerAsk(engine.db, engine.clock, {
        askId: ask.id,
        person: { ...PERSON, handle: ask.approvers.names[0] ?? PERSON.handle },
        answer: answerTo(ask),
        face: "record",
      });
    idle = leases.length === 0 && asks.length === 0 ? idle + 1 : 0;
  }
}

async function engineOn(world: World, { name, files }: { name: string; files: FileSet }): Promise<Engine> {
  const database = await world.database();
  const folder = join(world.folder, database.name);
  await mkdir(join(folder, "logs"), { recursive: true });
  const outside = await openOutside(join(folder, "effects"), join(folder, "o.sock"));
  world.after(outside.close);
  await putInForce(database.db, files);
  workspaces[name] = Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("utf8")]));
  const reach = { socketPath: outside.socketPath, by: "record", toolMs: 0 };
  const engine = await trialEngine({
    db: database.db,
    folder,
    name,
    model: scriptedByText({ thinkMs: [0, 0], isDeaf: false, folder }),
    tools: effectTools(reach),
    surfaces: [effectSurface(reach, "outbox")],
  });
  const { workspace } = await engine.workspaces.current();
  await inTransaction(database.db, async (tx) => void (await reindex(tx, itemsOf(workspace))));
  return engine;
}

const SCRIPTS = ["idempotent findable+idempotent", "careful findable", "once later:1:rec idempotent", "findable+findable+once", "unheard-of idempotent"];

const shared = await openShared("", { short: true });
const world = await openWorld(shared, true);
try {
  const chats = await engineOn(world, { name: "chats", files: stormWorkspace() });
  (await queueRuns(chats.db, SCRIPTS)) satisfies RunId[];
  await play(chats, "chats", {});
  const { files } = await listFolder(join(WORKSPACES_FOLDER, "bakery"));
  const samples = join(WORKSPACES_FOLDER, "bakery", "samples");
  for (const answers of [{}, { act: [1] }, { check: [1], resolution: [0, 1] }] satisfies Answers[]) {
    const bakery = await engineOn(world, { name: "bakery", files });
    const names = (await readdir(samples)).toSorted();
    for (const name of Object.keys(answers).length === 0 ? names : names.slice(0, 2)) {
      const sample = parse(await readFile(join(samples, name), "utf8")) as Parameters<typeof receive>[1];
      await receive(bakery, {
        sender: sample.sender,
        text: sample.text,
        externalId: sample.externalId!,
        ...(sample.language ? { language: sample.language } : {}),
        ...(sample.labels ? { labels: sample.labels } : {}),
      });
    }
    await play(bakery, "bakery", answers);
  }
} finally {
  await world.close(undefined);
  await shared.close();
}
await writeHistory({ version, workspaces, decisions });
const kinds = Map.groupBy(decisions, (decision) => (decision.move as { kind: string }).kind);
console.log([...kinds].map(([kind, same]) => `${kind} ${same.length}`).join(", ") satisfies Json);
process.exit(0);
