import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { giveUp } from "./problem.mjs";

const NEEDED = 24;

/** The Node that runs the TypeScript: npm's own where it runs, else this one where it is new enough. */
export function findNode(root) {
  const ours = join(root, "node_modules", ".bin", "node");
  if (majorOf(ours) >= NEEDED) return ours;
  if (Number.parseInt(process.versions.node, 10) >= NEEDED) return process.execPath;
  giveUp(
    `Node ${NEEDED} or newer is needed and this is ${process.version}; npm has no Node ${NEEDED} that runs on ${process.platform} ${process.arch}. Install it from https://nodejs.org and run this again.`,
  );
}

function majorOf(program) {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? Number.parseInt(stdout.replace(/^v/, ""), 10) : 0;
}

/** The environment of what is run: this one, with a place for compiled code. */
export function environmentFor(root) {
  const folder = process.env.NODE_COMPILE_CACHE || compileCacheFolder(root);
  return folder === null ? process.env : { ...process.env, NODE_COMPILE_CACHE: folder };
}

/** The same choice as in bin/loop, so that the two warm each other's cache. */
function compileCacheFolder(root) {
  if (process.env.XDG_CACHE_HOME) return join(process.env.XDG_CACHE_HOME, "loopwright");
  if (isWritable(join(root, "node_modules"))) return join(root, "node_modules", ".cache", "loopwright");
  return homedir() ? join(homedir(), ".cache", "loopwright") : null;
}

export function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // absent or not ours: the answer is the same
  }
}
