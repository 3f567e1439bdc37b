// The one step between a fresh clone and everything else. Plain JavaScript, Node 20 syntax, no packages: it runs before any of them is there.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runToTheEnd } from "./setup/child.mjs";
import { install, say } from "./setup/install.mjs";
import { environmentFor, findNode } from "./setup/node.mjs";
import { giveUp, SetupProblem } from "./setup/problem.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 20;

/** What each task runs, and how much of the tree it needs. */
const TASKS = {
  start: { tree: "start", script: "src/cli/start.ts" },
  test: { tree: "full", script: "scripts/test.ts" },
  check: { tree: "full", script: "scripts/check.ts" },
  bench: { tree: "full", script: "bench/run.ts" },
  trials: { tree: "full", script: "trials/run.ts" },
  run: { tree: "full", script: null },
};

async function main([name, ...rest]) {
  const task = Object.hasOwn(TASKS, name ?? "") ? TASKS[name] : giveUp(`Expected one of ${Object.keys(TASKS).join(", ")}; got ${name ?? "nothing"}.`);
  const [script, args] = task.script === null ? [rest[0] ?? giveUp("Expected a script to run."), rest.slice(1)] : [task.script, rest];
  requireMachine();
  if (!existsSync(join(ROOT, script))) giveUp(`${script} is not in this checkout.`);
  const installed = await install(ROOT, task.tree);
  const node = findNode(ROOT);
  if (installed && node !== process.execPath) say(`Some packages ask for a newer Node than ${process.version}: they run with the Node 24 that came with them.`);
  return runToTheEnd(node, [join(ROOT, script), ...args], { cwd: ROOT, env: environmentFor(ROOT) });
}

function requireMachine() {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < OLDEST_NODE)
    giveUp(`Node ${OLDEST_NODE} or newer is needed to set up, and this is ${process.version}. Install a newer one from https://nodejs.org.`);
  if (spawnSync("git", ["--version"], { stdio: "ignore" }).status !== 0) {
    giveUp("git is needed and does not run here. Install it (Debian: apt-get install git; macOS: xcode-select --install) and run this again.");
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
