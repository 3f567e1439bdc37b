import { spawn } from "node:child_process";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { isWritable } from "./node.mjs";
import { explain } from "./npm-failure.mjs";
import { giveUp } from "./problem.mjs";
import { countInstalled, readLock, removeStamp, whatIsNeeded, writeStamp } from "./tree.mjs";

const QUIET = ["--loglevel=error", "--no-audit", "--no-fund", "--no-update-notifier", "--no-progress"];
// Nothing that is needed has an install script. What npm has in its cache is not asked for again, so a machine that is offline can still install.
const COMMON = [
  ...QUIET,
  "--ignore-scripts",
  "--prefer-offline",
  "--no-engine-strict",
  "--include=optional",
  "--fetch-retry-factor=2",
  "--fetch-retry-mintimeout=2000",
];
const LAST_LINES = 12;
const HOW_TO_USE_NPM = /^npm error (?:Clean install a project|Usage:)/m;
const STOPS = ["SIGINT", "SIGTERM", "SIGHUP"];
const TERMINAL_BEAT_MS = 500;
const LOG_BEAT_MS = 10_000;

/** Makes node_modules what package-lock.json says, or does nothing when it already is: then it gives false. @throws SetupProblem with npm's last lines, the cause and a fix */
export async function install(root, tree) {
  const lock = readLock(root, tree);
  const needed = whatIsNeeded(root, lock);
  if (needed === "nothing") return false;
  const writable = isWritable(join(root, "node_modules"));
  if (needed === "record") {
    if (writable) writeStamp(root, lock); // else compared again at the next start, which takes a few milliseconds
    return false;
  }
  say(`Installing ${lock.versions.size} packages with npm${tree === "start" ? "" : ", development ones included"} (once; later starts skip this).`);
  const startedMs = performance.now();
  const stopTelling = tellProgress(root, lock, startedMs);
  if (writable) removeStamp(root);
  const { code, output } = await runNpm(root, needed === "add" ? ["install", "--no-save"] : ["ci"], tree);
  stopTelling();
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  if (typeof code === "string") giveUp(`Installing was stopped after ${seconds} s (${code}). Run this again to finish it.`, 128 + constants.signals[code]);
  if (code !== 0) giveUp(failure(code, output, seconds));
  writeStamp(root, lock);
  say(`Installed in ${seconds} s.`);
  return true;
}

function runNpm(root, command, tree) {
  const [program, first] = npmProgram();
  const args = [...first, ...command, ...COMMON, tree === "start" ? "--omit=dev" : "--include=dev"];
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const pieces = [];
    child.stdout.on("data", (piece) => pieces.push(piece));
    child.stderr.on("data", (piece) => pieces.push(piece));
    let stoppedBy;
    const stop = (signal) => {
      stoppedBy = signal;
      child.kill("SIGKILL"); // npm would take half a minute to put back what was there, and the next install starts anew anyway
    };
    for (const signal of STOPS) process.once(signal, stop);
    child.on("error", (error) => resolve({ code: 127, output: `npm cannot be started: ${error.message}` }));
    child.on("close", (code, signal) => {
      for (const each of STOPS) process.removeListener(each, stop);
      resolve({ code: stoppedBy ?? code ?? signal, output: Buffer.concat(pieces).toString("utf8") });
    });
  });
}

/** The npm that runs this, where it is npm; else the one on PATH. */
function npmProgram() {
  const running = process.env.npm_execpath ?? "";
  return basename(running) === "npm-cli.js" ? [process.execPath, [running]] : ["npm", []];
}

function failure(code, output, seconds) {
  if (code === 127) return `${output}. It comes with Node; install both from https://nodejs.org and run this again.`;
  const lines = output
    .split(HOW_TO_USE_NPM, 1)[0]
    .split("\n")
    .filter((line) => /\w/.test(line.replace("npm error", "")));
  return [`npm failed after ${seconds} s. Its last lines:`, ...lines.slice(-LAST_LINES).map((line) => `  ${line}`), explain(output)].join("\n");
}

/** One line that is written over on a terminal, a line each ten seconds elsewhere. Gives the function that ends it. */
function tellProgress(root, lock, startedMs) {
  const terminal = process.stderr.isTTY === true;
  const line = () => `  ${Math.round((performance.now() - startedMs) / 1_000)} s, ${countInstalled(root, lock)} of ${lock.versions.size} packages`;
  const tell = () => process.stderr.write(terminal ? `\r${line()}\u001B[K` : `${line()}\n`);
  const timer = setInterval(tell, terminal ? TERMINAL_BEAT_MS : LOG_BEAT_MS);
  return () => {
    clearInterval(timer);
    if (terminal) process.stderr.write("\r\u001B[K");
  };
}

export const say = (text) => process.stderr.write(`${text}\n`);
