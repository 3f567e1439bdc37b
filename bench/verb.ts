import { spawn } from "node:child_process";
import { join } from "node:path";
import { openAsk } from "#src/asks/store/open.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import type { Db } from "#src/database/open.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import { append } from "#src/journal/store/append.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { inLanes } from "../trials/harness/wait.ts";
import { compare, type Line } from "./measure.ts";
import { makeHome, type Server, startServer, withoutSettings } from "./server.ts";
import { median } from "./statistics.ts";
import type { World } from "./world.ts";

const LOOP = join(import.meta.dirname, "..", "bin", "loop");
const STARTS_A_SAMPLE = 5;
const FEW_EVENTS = 100;
const EVENTS_OF_A_STATEMENT = 1_000;
const ASK_GOAL = { at: "most", value: 1.7 } as const;

/** BENCH 6: the wall time of a verb, as a person or an agent calls it, against a Node that does nothing; and that it does not depend on how much has happened before. */
export async function verb(world: World, rounds: number): Promise<Line[]> {
  const [few, many] = [await openSite(world, FEW_EVENTS), await openSite(world, world.short ? 50_000 : 1_000_000)];
  const nothing = () => medianOf(() => wallMs(process.execPath, ["-e", "0"], few.server));
  const loop = (args: readonly string[], { server }: Site = few) => medianOf(() => wallMs(LOOP, args, server));
  const against = (name: string, ours: () => Promise<number>) => compare({ name, unit: "ms", rounds, goal: ASK_GOAL, ours, reference: nothing });
  const long = (name: string, args: readonly string[]) =>
    compare({ name, unit: "ms", rounds, goal: { at: "most", value: 1.2 }, ours: () => loop(args, many), reference: () => loop(args) });
  try {
    return [
      await against("verb, asks --json", () => loop(["asks", "--json"])),
      await against("verb, tickets --json", () => loop(["tickets", "--json"])),
      await against("verb, answer --json", () => medianOf(async () => wallMs(LOOP, ["answer", await openQuestion(few.db), "yes", "--json"], few.server))),
      await against("verb, _ state --json", () => loop(["_", "state", "--json"])),
      await against("verb, _ wait --json", () => loop(["_", "wait", "--json"])),
      await against("verb, _ ask --no-wait", () => medianOf(async () => wallMs(LOOP, ["_", "ask", "bench", "--no-wait", "--prompt", newPrompt()], few.server))),
      await against("verb, _ answer", () => medianOf(async () => wallMs(LOOP, ["_", "answer", await askOfWorker(few), "yes"], few.server))),
      await long("verb, long journal", ["asks", "--json"]),
      await long("verb, long journal, _ state", ["_", "state", "--json"]),
    ];
  } finally {
    await few.server.stop();
    await many.server.stop();
  }
}

interface Site {
  readonly server: Server;
  readonly db: Db;
}

/** A server with so many events behind it, some tickets and an open question. */
async function openSite(world: World, events: number): Promise<Site> {
  const { db, url: databaseUrl } = await world.fresh(8);
  await registerKey(db, { ...world.signer, host: "bench" });
  await happen(db, events);
  for (let sealed = Number.POSITIVE_INFINITY; sealed > 0;) ({ sealed } = await sealOnce(db, world.signer));
  const server = await startServer(world, { home: await makeHome(world), databaseUrl });
  for (let made = 0; made < 3; made += 1)
    await server.call("POST", "/v1/tickets", { text: `May we have ${made + 2} more towels?`, labels: { property: "warm_ubud_villa" } });
  await openQuestion(db);
  const site = { server, db };
  await askOfWorker(site); // `_ wait` has what ends it
  return site;
}

async function happen(db: Db, events: number): Promise<void> {
  const sizes = Array.from({ length: Math.ceil(events / EVENTS_OF_A_STATEMENT) }, (_, index) =>
    Math.min(EVENTS_OF_A_STATEMENT, events - index * EVENTS_OF_A_STATEMENT),
  );
  await inLanes(sizes, 4, async (size) => {
    const made = Array.from({ length: size }, (_, index) => ({
      kind: "bench.happened",
      actor: "system",
      payload: { index, text: "something happened, as it does all day long" },
    }));
    await append(db, systemClock, made);
  });
}

let prompts = 0;
/** The same question again would be the same ask. */
const newPrompt = (): string => `Which door, ${(prompts += 1)}?`;

/** Opens a question that the root agent may answer. */
async function askOfWorker({ server }: Site): Promise<string> {
  const { alias } = (await server.call("POST", "/v1/loop/ask", { worker: "bench", prompt: newPrompt() })) as { alias: string };
  return alias;
}

/** A question to people that no run waits for. */
async function openQuestion(db: Db): Promise<AskId> {
  const ask: NewAsk = {
    id: newId("ask", systemClock.nowMs()),
    kind: "question",
    purpose: "bench",
    runId: null,
    actId: null,
    ticketId: null,
    prompt: "Which door?",
    detail: {},
    options: [],
    approvers: { roles: ["owner"], names: [] },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [],
    revision: 1,
  };
  await openAsk(db, ask);
  return ask.id;
}

/** From the start of the process to its end, its output read. @throws Error when it fails */
function wallMs(program: string, args: readonly string[], { home }: Server): Promise<number> {
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...withoutSettings(), LOOP_HOME: home } });
  let said = "";
  child.stdout.resume();
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(performance.now() - startMs) : reject(new Error(`${program} ${args.join(" ")} ended with ${code}: ${said}`)),
    );
  });
}

async function medianOf(sample: () => Promise<number>): Promise<number> {
  const seen: number[] = [];
  while (seen.length < STARTS_A_SAMPLE) seen.push(await sample());
  return median(seen);
}
