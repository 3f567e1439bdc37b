import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CASES } from "./cases.ts";
import { type Line, print, runCases } from "./harness/runner.ts";
import { closeWorlds, openShared } from "./harness/world.ts";

/*
 * npm run trials [-- --short] [-- --lanes=1] [-- <id>…]
 *
 * Runs the cases of README.md beside this file, prints a line for each, and ends with 1 when one did not hold or did not reach what it injects.
 */

const args = process.argv.slice(2);
const short = args.includes("--short");
const lanes = Number(args.find((arg) => arg.startsWith("--lanes="))?.slice("--lanes=".length) ?? 2);
const wanted = args.filter((arg) => !arg.startsWith("--")).map((arg) => arg.toUpperCase());
const unknown = wanted.filter((id) => !CASES.some((one) => one.id.toUpperCase() === id));
if (unknown.length > 0 || args.some((arg) => arg.startsWith("--") && arg !== "--short" && !/^--lanes=[1-9]$/.test(arg))) {
  console.error(`Expected --short, --lanes=<1 to 9>, and ids of: ${CASES.map((one) => one.id).join(" ")}.`);
  process.exit(2);
}
const chosen = CASES.filter((one) => (wanted.length === 0 ? one.short || !short : wanted.includes(one.id.toUpperCase())));

const results = join(import.meta.dirname, "results");
await mkdir(results, { recursive: true });
for (const one of chosen) await rm(join(results, one.id), { recursive: true, force: true });
const startMs = performance.now();
const shared = await openShared(results, { short });
let lines: Line[] = [];

/** However this ends, nothing is left running: children go when their standard input closes, Postgres is stopped here. */
function endEarly(why: unknown): void {
  console.error(why);
  void closeWorlds()
    .then(shared.close)
    .finally(() => process.exit(1));
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => endEarly(`stopped by ${signal}`));
process.once("uncaughtException", endEarly);
try {
  lines = await runCases(shared, chosen, { short, lanes, tell: (line) => console.log(print(line)) });
} finally {
  await shared.close();
}
const order = new Map(chosen.map((one, index) => [one.id, index]));
lines.sort((a, b) => order.get(a.id)! - order.get(b.id)!);
const count = (verdict: Line["verdict"]): number => lines.filter((line) => line.verdict === verdict).length;
const seconds = (performance.now() - startMs) / 1_000;
await writeFile(join(results, "latest.json"), `${JSON.stringify({ at: new Date().toISOString(), short, seconds, lines }, null, 2)}\n`);
console.log(
  `${count("held")} held, ${count("late")} late, ${count("not held")} not held, ${count("incomplete")} incomplete, ${count("skipped")} skipped, in ${seconds.toFixed(0)} s`,
);
const bad = lines.filter((line) => line.verdict === "not held" || line.verdict === "incomplete");
if (bad.length > 0) console.log(`Logs of ${bad.map((line) => line.id).join(", ")} are in trials/results/.`);
process.exit(bad.length > 0 ? 1 : 0);
