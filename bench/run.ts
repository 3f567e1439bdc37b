import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Line, print } from "./measure.ts";
import { turn } from "./turn.ts";
import { makeWorld, type World } from "./world.ts";

type Bench = (world: World, rounds: number) => Promise<Line[]>;

/** By name, in the order of docs/bench.md. */
const BENCHES: Readonly<Record<string, Bench>> = { turn };

const FULL_ROUNDS = 11;
const SHORT_ROUNDS = 7;

const args = process.argv.slice(2);
const short = args.includes("--short");
const wanted = args.filter((arg) => !arg.startsWith("--"));
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}. Known: ${Object.keys(BENCHES).join(", ")}.`);
  process.exit(2);
}

const world = await makeWorld();
console.log(`Postgres ${world.honesty["server_version"]}: fsync ${world.honesty["fsync"]}, synchronous_commit ${world.honesty["synchronous_commit"]}, full_page_writes ${world.honesty["full_page_writes"]}`);
const lines: Line[] = [];
try {
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    for (const line of await bench(world, short ? SHORT_ROUNDS : FULL_ROUNDS)) {
      lines.push(line);
      console.log(print(line));
    }
  }
} finally {
  await world.close();
}
const folder = join(import.meta.dirname, "results");
await mkdir(folder, { recursive: true });
await writeFile(join(folder, "latest.json"), `${JSON.stringify({ honesty: world.honesty, lines }, null, 2)}\n`);
