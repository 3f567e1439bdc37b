import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { canonicalJson, type Json, sha256 } from "#src/kernel/canonical-json.ts";

/** A system that ours is compared with: exact versions, in a folder of the user's cache, never among our dependencies. */
interface Reference {
  readonly packages: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

const FILE = join(import.meta.dirname, "references.json");

async function references(): Promise<Readonly<Record<string, Reference>>> {
  return JSON.parse(await readFile(FILE, "utf8")) as Readonly<Record<string, Reference>>;
}

/** Other versions are another folder. */
function folderOf(name: string, reference: Reference): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "loopwright", "references", `${name}-${sha256(canonicalJson(reference as unknown as Json)).slice(0, 12)}`);
}

/** Written last, so that an install that was cut short is no install. */
const marker = (folder: string): string => join(folder, "complete");

/** Installs what is missing; what cannot be installed is said and left out. */
export async function prepareReferences(): Promise<void> {
  for (const [name, reference] of Object.entries(await references())) {
    const folder = folderOf(name, reference);
    if (existsSync(marker(folder))) continue;
    console.log(`installing ${name} into ${folder}`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const { packages: dependencies, overrides = {} } = reference;
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies, overrides }));
    const failure = await npmInstall(folder);
    if (failure === undefined) await writeFile(marker(folder), "");
    else console.log(`${name} could not be installed; its lines will say so: ${failure}`);
  }
}

/** Peer ranges are not looked at: the versions are exact and were tried together. Undefined: all went well. */
function npmInstall(folder: string): Promise<string | undefined> {
  const child = spawn("npm", ["install", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 300_000,
  });
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => resolve(code === 0 ? undefined : said.trim().split("\n").slice(0, 3).join(" ")));
  });
}

/** A package of an installed reference, as it exports itself; undefined where the reference is not installed. */
export async function loadReference(name: string): Promise<((specifier: string) => Promise<unknown>) | undefined> {
  const reference = (await references())[name];
  const folder = reference && folderOf(name, reference);
  if (folder === undefined || !existsSync(marker(folder))) return undefined;
  const require = createRequire(join(folder, "package.json"));
  return (specifier) => import(pathToFileURL(require.resolve(specifier)).href);
}

/** A file of an installed reference, to be run on its own; undefined where the reference is not installed. */
export async function referencePath(name: string, file: string): Promise<string | undefined> {
  const reference = (await references())[name];
  const folder = reference && folderOf(name, reference);
  return folder === undefined || !existsSync(marker(folder)) ? undefined : join(folder, "node_modules", file);
}

export const NOT_INSTALLED = "not installed; npm run bench -- --references does it";
