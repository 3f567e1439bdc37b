// Everything that a machine can say about a change, in under a minute. With names behind it, only those: npm run check -- types lint
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { delimiter, join, resolve } from "node:path";

const BIN = resolve("node_modules", ".bin");

/** Name → arguments of node. The slow ones come first, so that none of them is waited for alone. */
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  types: [join(BIN, "tsc"), "--noEmit", "-p", "."],
  lint: [join(BIN, "oxlint"), "--type-aware"],
  exports: [join(BIN, "knip"), "--no-progress"],
  architecture: ["--test", "--test-reporter=spec", "src/architecture.test.ts"],
  format: [join(BIN, "oxfmt"), "--check", "."],
};

interface Outcome {
  readonly name: string;
  readonly passed: boolean;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(CHECKS, name));
if (unknown.length > 0) {
  console.error(`Expected ${Object.keys(CHECKS).join(", ")} or nothing; got ${unknown.join(", ")}.`);
  process.exit(1);
}

const waiting = Object.keys(CHECKS).filter((name) => wanted.length === 0 || wanted.includes(name));
const outcomes: Outcome[] = [];
const takeNext = async (): Promise<void> => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) outcomes.push(await check(name));
};
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, takeNext));

const failed = outcomes.filter(({ passed }) => !passed).map(({ name }) => name);
console.log(failed.length === 0 ? "check passed" : `check failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Prints a line when it is done; all that it said when it failed. */
async function check(name: string): Promise<Outcome> {
  const startedMs = performance.now();
  const { code, output } = await run(CHECKS[name]!);
  const took = `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
  console.log(code === 0 ? `${name}: ok (${took})` : `${name}: FAILED (${took})\n${output.trimEnd()}\n`);
  return { name, passed: code === 0 };
}

function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const PATH = [BIN, process.env["PATH"]].join(delimiter); // oxlint looks there for its type-aware half
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PATH } });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ code, output: Buffer.concat(pieces).toString("utf8") }));
  });
}
