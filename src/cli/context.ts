import { isAbsolute, join, relative } from "node:path";
import { usualHomeFolder } from "#src/settings/home-folder.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { createApi, type Target } from "./client/api.ts";
import { readCredentials, socketPathOf } from "./client/home-files.ts";
import type { Context } from "./verb.ts";

export interface ContextOptions {
  /** The environment as it is; `.env` of the current folder is added. */
  readonly env: Environment;
  readonly json: boolean;
}

const fs = process.getBuiltinModule("node:fs");

/** @throws LoopError settings_invalid when there is a file .env that cannot be read */
export async function createContext(options: ContextOptions): Promise<Context> {
  const env = await withEnvFile(options.env);
  const settings = once(() => readSettingsOf(env));
  const homeFolder = await homeFolderOf(env, settings);
  const elsewhere = env["LOOP_URL"] ? await remoteOf(await settings()) : {};
  const freshTarget = (): Target => ({ ...targetOf(homeFolder), ...elsewhere });
  const target = once(freshTarget);
  return {
    env,
    settings,
    homeFolder: () => homeFolder,
    target,
    freshTarget,
    api: once(() => createApi(target())),
    agentTarget: once(() => ({ ...agentTargetOf(homeFolder, env), ...elsewhere })),
    json: options.json,
    look: once(async () => (await import("./render/page.ts")).pageOf(env, process.stdout)),
    command: once(() => commandName(options.env)),
    print: (text) => endUnless(write(1, `${text}\n`)),
    type: (text) => endUnless(write(1, text)),
    say: (text) => endUnless(write(2, `${text}\n`)),
  };
}

/** Straight to the file, since to make a stream of it first takes longer. False: nobody reads any more, as after `| head`, or when the terminal is closed. */
export function write(file: 1 | 2, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(file, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE" || code === "EIO") return false;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS); // a pipe that is full and does not block
    }
  }
  return true;
}

function endUnless(isRead: boolean): void {
  if (!isRead) process.exit(0);
}

const RETRY_MS = 5;

/** For a server, which goes on when nobody reads what it says. */
export const outlivingReaders = (context: Context): Context => ({
  ...context,
  print: (text) => void write(1, `${text}\n`),
  type: (text) => void write(1, text),
  say: (text) => void write(2, `${text}\n`),
});

async function withEnvFile(env: Environment): Promise<Environment> {
  if (!fs.existsSync(join(process.cwd(), ".env"))) return env;
  const { loadEnvFile } = await import("#src/settings/env-file.ts");
  return loadEnvFile(process.cwd(), env);
}

const accountOf = (env: Environment) => ({
  osHome: env["HOME"] || process.getBuiltinModule("node:os").homedir() || undefined,
  isRoot: process.getuid?.() === 0,
});

async function readSettingsOf(env: Environment): Promise<Settings> {
  const { readSettings } = await import("#src/settings/read.ts");
  const { osHome, isRoot } = accountOf(env);
  return readSettings({ env, home: osHome, isRoot });
}

/** The usual cases without the table of settings; whatever else stands in LOOP_HOME is for that to read or refuse. */
async function homeFolderOf(env: Environment, settings: () => Promise<Settings>): Promise<string> {
  const given = env["LOOP_HOME"];
  if (given?.startsWith("/")) return given;
  const usual = given ? undefined : usualHomeFolder({ account: accountOf(env), env });
  return usual ?? (await settings()).homeFolder;
}

/** @throws LoopError settings_invalid when the token would travel for all to read, or is missing */
async function remoteOf({ serverUrl, serverToken }: Settings): Promise<Pick<Target, "origin" | "token">> {
  const { protocol, hostname } = new URL(serverUrl!);
  const problem =
    protocol === "http:" && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)
      ? `LOOP_URL is ${serverUrl}: the token would travel for all to read. Expected an https address, or one of this machine`
      : serverToken === undefined
        ? "LOOP_URL is set and LOOP_TOKEN is not. Expected a token of that server, as `loop token create` makes it there"
        : undefined;
  if (problem === undefined) return { origin: serverUrl, token: serverToken };
  const { LoopError } = await import("#src/kernel/errors.ts");
  throw new LoopError("settings_invalid", `${problem}.`);
}

/** The server of this home. */
export const targetOf = (homeFolder: string): Target => ({ homeFolder, socketPath: socketPathOf(homeFolder), token: readCredentials(homeFolder)?.token });

/** The same server as a program speaks to it: by the token in its environment, else as the root agent of this home. A worker finds the socket where it was shown. */
const agentTargetOf = (homeFolder: string, env: Environment): Target => ({
  homeFolder,
  socketPath: env["LOOP_SOCKET"] || socketPathOf(homeFolder),
  token: env["LOOP_TOKEN"] || readCredentials(homeFolder, "root")?.token,
});

/** Of the checkout or of the installed package: two folders above this one in both. */
export const ROOT = join(import.meta.dirname, "..", "..");

const isCheckout = import.meta.filename.endsWith(".ts");

/** What a person types to call us from here, with LOOP_HOME where the environment says so, so that it means the same home in another terminal. */
function commandName(env: Environment): string {
  const home = env["LOOP_HOME"] ? `LOOP_HOME=${quoted(env["LOOP_HOME"])} ` : "";
  return `${home}${isCheckout ? quoted(shortest(join(ROOT, "bin", "loop"))) : "loop"}`;
}

function shortest(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") || isAbsolute(near) ? path : near;
}

/** For a shell. */
export const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
