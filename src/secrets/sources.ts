import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Environment } from "#src/settings/read.ts";
import { type Argv, describeSource, type SecretSource } from "./reference.ts";
import { unavailable } from "./unavailable.ts";
import { LONGEST_VALUE, withoutLastLineBreak } from "./value.ts";

/** What a secrets program did. `started: false`: it could not be run at all, `why` in a few words. */
export type CommandAnswer =
  | { readonly started: true; readonly exitCode: number | null; readonly timedOut: boolean; readonly stdout: string; readonly truncated: boolean }
  | { readonly started: false; readonly why: string };

/** Runs a program without a shell, with nothing on its input, and takes its whole tree away when it returns. Never throws for what the program does. */
export type RunSecretCommand = (command: {
  readonly argv: Argv;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}) => Promise<CommandAnswer>;

const COMMAND_LIMIT_MS = 10_000;
const WORLD_BITS = 0o007;

/** What a program needs to find itself and its settings; nothing that opens anything. */
const HARMLESS = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"];

interface Wanted<S extends SecretSource> {
  readonly name: string;
  readonly source: S;
}
type Of<K extends SecretSource["kind"]> = Wanted<Extract<SecretSource, { kind: K }>>;

const missing = (wanted: Wanted<SecretSource>, why: string, cause?: unknown) =>
  unavailable({ name: wanted.name, source: describeSource(wanted.source), why, cause });

/** @throws LoopError secret_unavailable */
export function fromEnvironment(wanted: Of<"env">, env: Environment): string {
  const { variable } = wanted.source;
  const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (value === undefined || value === "")
    throw missing(wanted, "the variable is not set. Set it in the environment of the server or in .env, and start again.");
  return value;
}

/**
 * The text of a regular file without its last line break. A link is followed only within its own folder, as mounted secrets use them.
 * @throws LoopError secret_unavailable also where everybody may read the file, and for the file with the sealing keys
 */
export async function fromFile(wanted: Of<"file">, keyFile: string): Promise<string> {
  try {
    const file = await open(await insideItsFolder(wanted), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw missing(wanted, "it is not a regular file.");
      if ((found.mode & WORLD_BITS) !== 0) throw missing(wanted, "everybody on this machine may open it. Run chmod o-rwx on it.");
      if (found.size > LONGEST_VALUE) throw missing(wanted, `it has ${found.size} bytes, and ${LONGEST_VALUE} is the most.`);
      const keys = await stat(keyFile).catch(() => null);
      if (keys !== null && keys.ino === found.ino && keys.dev === found.dev)
        throw missing(wanted, "it holds the keys of all sealed secrets, which are not for use.");
      return withoutLastLineBreak(await file.readFile("utf8"));
    } finally {
      await file.close();
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined || code === "secret_unavailable") throw cause;
    throw missing(wanted, `it cannot be read (${code}).`, cause);
  }
}

async function insideItsFolder(wanted: Of<"file">): Promise<string> {
  const { path } = wanted.source;
  const [real, folder] = await Promise.all([realpath(path), realpath(dirname(path))]);
  if (!real.startsWith(folder.endsWith("/") ? folder : `${folder}/`))
    throw missing(wanted, "it is a link out of its folder, which is not followed. Give the path of the file itself.");
  return real;
}

/** What a program prints, without the last line break. @throws LoopError secret_unavailable with its exit code, never with what it printed */
export async function fromCommand(wanted: Of<"command">, tools: { env: Environment; run: RunSecretCommand }): Promise<string> {
  const { argv, env: wantedNames = [] } = wanted.source;
  const entries = [...HARMLESS, ...wantedNames].flatMap((name): [string, string][] =>
    !Object.hasOwn(tools.env, name) || tools.env[name] === undefined ? [] : [[name, tools.env[name]]],
  );
  const answer = await tools.run({ argv, env: Object.fromEntries(entries), timeoutMs: COMMAND_LIMIT_MS, maxOutputBytes: LONGEST_VALUE });
  if (!answer.started) throw missing(wanted, `the program could not be started (${answer.why}).`);
  if (answer.timedOut) throw missing(wanted, `the program gave nothing within ${COMMAND_LIMIT_MS / 1_000} seconds and was ended. It must not wait for input.`);
  if (answer.exitCode !== 0)
    throw missing(
      wanted,
      `the program ended with ${answer.exitCode === null ? "a signal" : `exit code ${answer.exitCode}`}. Run it by hand to see why; what it printed is not kept.`,
    );
  if (answer.truncated) throw missing(wanted, `the program printed more than ${LONGEST_VALUE} bytes.`);
  return withoutLastLineBreak(answer.stdout);
}
