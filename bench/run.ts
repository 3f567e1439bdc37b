import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { answer } from "./answer.ts";
import { decide } from "./decide.ts";
import { failover } from "./failover.ts";
import { first } from "./first.ts";
import { footprint } from "./footprint.ts";
import { gateway } from "./gateway.ts";
import { handoff } from "./handoff.ts";
import { honesty } from "./honesty.ts";
import { idle } from "./idle.ts";
import { journal } from "./journal.ts";
import { broken, type Line, patience, print } from "./measure.ts";
import { mailbox } from "./mailbox.ts";
import { parked } from "./parked.ts";
import { recall } from "./recall.ts";
import { plan } from "./plan.ts";
import { prepareReferences } from "./references.ts";
import { sensors } from "./sensors.ts";
import { service } from "./service.ts";
import { turn } from "./turn.ts";
import { turnReferences } from "./turn-references.ts";
import { verb } from "./verb.ts";
import { makeWorld, type World } from "./world.ts";

/*
 * npm run bench [-- --short] [-- --references] [-- <name>…]
 *
 * --short       fewer rounds and smaller data, and a loaded machine is not waited for: six minutes at most
 * --references  installs the systems of references.json that are missing into the user's cache first
 */

type Bench = (world: World, rounds: number) => Promise<Line[]>;

/** By name, in the order of docs/bench.md. */
const BENCHES: Readonly<Record<string, readonly Bench[]>> = {
  turn: [turn, turnReferences],
  answer: [answer],
  mailbox: [mailbox],
  parked: [parked],
  idle: [idle],
  sensors: [sensors],
  verb: [verb],
  first: [first],
  decide: [decide],
  plan: [plan],
  service: [service],
  handoff: [handoff],
  recall: [recall],
  failover: [failover],
  journal: [journal],
  gateway: [gateway],
  footprint: [footprint],
};

const FULL_ROUNDS = 11;
const SHORT_ROUNDS = 7;
const SHORT_PATIENCE_MS = 4_000;
const FLAGS = ["--short", "--references"];

const args = process.argv.slice(2);
const short = args.includes("--short");
const wanted = args.filter((arg) => !FLAGS.includes(arg));
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}. Known: ${Object.keys(BENCHES).join(", ")}; flags: ${FLAGS.join(", ")}.`);
  process.exit(2);
}
if (args.includes("--references")) await prepareReferences();
if (short) patience.ms = SHORT_PATIENCE_MS;
process.env["NODE_COMPILE_CACHE"] ||= join(import.meta.dirname, "..", "node_modules", ".cache", "loopwright"); // as bin/loop and npm start have it

const startMs = performance.now();
const loadBefore = loadavg()[0]!;
const world = await makeWorld({ short });
console.log(
  `Postgres ${world.honesty["server_version"]}: fsync ${world.honesty["fsync"]}, synchronous_commit ${world.honesty["synchronous_commit"]}, full_page_writes ${world.honesty["full_page_writes"]}`,
);
let interrupted = false;
const interrupt = (): void => {
  interrupted = true;
  void world.close().finally(() => process.exit(130));
};
process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
const lines: Line[] = [];
const tell = (line: Line): void => {
  if (interrupted) return;
  lines.push(line);
  console.log(print(line));
};
try {
  for (const [name, benches] of Object.entries({ ...BENCHES, honesty: [honesty] })) {
    if (wanted.length > 0 && !wanted.includes(name) && name !== "honesty") continue;
    for (const bench of interrupted ? [] : benches) (await carryOut(name, bench)).forEach(tell);
  }
} finally {
  await world.close();
}
if (interrupted) process.exit(130);
const machine = {
  node: process.version,
  processors: availableParallelism(),
  model: cpus()[0]?.model ?? "unknown",
  memoryMb: Math.round(totalmem() / 1_048_576),
  loadBefore,
};
const seconds = (performance.now() - startMs) / 1_000;
const folder = join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, "latest.json"),
  `${JSON.stringify({ at: new Date().toISOString(), short, seconds, machine, honesty: world.honesty, lines }, null, 2)}\n`,
);
const failed = lines.filter((line) => line.verdict === "broken");
console.log(`${lines.length} lines in ${seconds.toFixed(0)} s; more of each in bench/results/latest.json`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** One that breaks says so in its line and does not keep the others from running. */
async function carryOut(name: string, bench: Bench): Promise<Line[]> {
  try {
    return await bench(world, short ? SHORT_ROUNDS : FULL_ROUNDS);
  } catch (error) {
    return [broken(name, error)];
  }
}
