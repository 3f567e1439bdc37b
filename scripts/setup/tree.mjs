import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { giveUp } from "./problem.mjs";

const PLATFORM = `${process.platform}-${process.arch}`;

/** What package-lock.json says, and which of its packages this machine needs for the tree `start` (no development packages) or `full`. */
export function readLock(root, tree) {
  const file = join(root, "package-lock.json");
  let text;
  try {
    text = readFileSync(file);
  } catch (error) {
    giveUp(`${file} cannot be read (${error.code}). It belongs to the checkout: git checkout package-lock.json brings it back.`);
  }
  const entries = Object.entries(JSON.parse(text.toString("utf8")).packages).filter(([path, entry]) => path !== "" && isWanted(entry, tree));
  return { digest: createHash("sha256").update(text).digest("hex"), tree, versions: new Map(entries.map(([path, { version }]) => [path, version])) };
}

/** An optional package is wanted where it is made for this machine. One that says nothing of machines comes along with another optional one, or not at all. */
function isWanted({ dev, devOptional, optional, os, cpu, libc }, tree) {
  if (tree === "start" && (dev || devOptional)) return false;
  if (!optional) return true;
  return (os ?? cpu) !== undefined && allows(os, process.platform) && allows(cpu, process.arch) && (libc === undefined || allows(libc, ourLibc()));
}

let knownLibc;

/** Asked as npm asks. */
function ourLibc() {
  if (process.platform !== "linux") return "none";
  if (knownLibc === undefined) {
    process.report.excludeNetwork = true; // else names are looked up for every open connection
    knownLibc = process.report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
  }
  return knownLibc;
}

/** npm's rule for `os`, `cpu` and `libc`: "!x" excludes x; anything else has to be named. */
export function allows(list, value) {
  if (list === undefined) return true;
  const names = [list].flat();
  if (names.includes(`!${value}`)) return false;
  return names.every((name) => name.startsWith("!")) || names.includes(value);
}

/**
 * What has to be done before the tree can be used: `nothing`; `record` (a person ran npm by hand, and the tree is right); `add` the development
 * packages, without touching what a running server uses; or install `all` of it anew.
 */
export function whatIsNeeded(root, lock) {
  const stamp = readJson(stampFile(root));
  const sameLock = stamp !== null && stamp.lock === lock.digest && stamp.platform === PLATFORM;
  if (sameLock && (stamp.tree === lock.tree || stamp.tree === "full")) return "nothing";
  if (isInstalled(root, lock)) return "record";
  return sameLock ? "add" : "all";
}

function isInstalled(root, lock) {
  const installed = readJson(join(root, "node_modules", ".package-lock.json"))?.packages ?? {};
  for (const [path, version] of lock.versions) {
    if (installed[path]?.version !== version || !existsSync(join(root, path, "package.json"))) return false;
  }
  return true;
}

export function writeStamp(root, lock) {
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(stampFile(root), `${JSON.stringify({ lock: lock.digest, tree: lock.tree, platform: PLATFORM })}\n`);
}

/** What npm leaves when it is ended half-way must not count as installed. */
export function removeStamp(root) {
  rmSync(stampFile(root), { force: true });
}

export function countInstalled(root, lock) {
  let count = 0;
  for (const path of lock.versions.keys()) if (existsSync(join(root, path, "package.json"))) count += 1;
  return count;
}

const stampFile = (root) => join(root, "node_modules", ".loopwright-setup.json");

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null; // absent or half-written: either way it says nothing
  }
}
