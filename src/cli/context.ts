import { homedir } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import { systemClock } from "#src/kernel/clock.ts";
import { type Environment, readSettings } from "#src/settings/read.ts";
import { loadEnvFile } from "#src/settings/env-file.ts";
import type { Settings } from "#src/settings/schema.ts";
import { createApi, type Api } from "./client/api.ts";
import { readCredentials, socketPathOf } from "./client/home-files.ts";
import type { Look } from "./render/look.ts";
import type { Context } from "./verb.ts";

export interface ContextOptions {
  /** The environment as it is; `.env` of the current folder is added. */
  readonly env: Environment;
  readonly json: boolean;
}

export function createContext(options: ContextOptions): Context {
  const env = once(() => loadEnvFile(process.cwd(), options.env));
  const settings = once(() => readSettings({ env: env(), home: homeOf(env()), isRoot: process.getuid?.() === 0 }));
  return {
    get env() {
      return env();
    },
    settings,
    api: once(() => apiOf(settings())),
    json: options.json,
    look: once(() => lookOf(env(), process.stdout)),
    command: once(() => commandName(options.env)),
    print: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
  };
}

export function apiOf({ homeFolder }: Pick<Settings, "homeFolder">): Api {
  return createApi({ homeFolder, socketPath: socketPathOf(homeFolder), token: readCredentials(homeFolder)?.token });
}

const WIDEST = 100;
const NARROWEST = 40;

/** Colour only on a terminal, and not where NO_COLOR is set (https://no-color.org). */
export function lookOf(env: Environment, stream: { readonly isTTY?: boolean; readonly columns?: number }): Look {
  const colour = stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return { width: Math.min(WIDEST, Math.max(NARROWEST, stream.columns ?? 80)), colour, nowMs: systemClock.nowMs() };
}

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

function homeOf(env: Environment): string | undefined {
  return env["HOME"] || homedir();
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
