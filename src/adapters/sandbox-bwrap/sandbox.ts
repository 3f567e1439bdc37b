import { realpath } from "node:fs/promises";
import type {
  LiveProcess,
  LiveSandboxCommand,
  SandboxCommand,
  SandboxPort,
  SandboxResult,
  WrappableCommand,
  WrappedCommand,
} from "#src/acts/ports/sandbox-port.ts";
import { runBounded } from "#src/processes/bounded-process.ts";
import { startLive } from "#src/processes/live-process.ts";
import { aborted, answerToMalformed, programNotStarted, requireFolders, requireWellFormed, unavailable } from "#src/processes/sandbox-command.ts";
import { mountOptions } from "./mounts.ts";
import { type Bwrap, isolation, type Probe, probe } from "./probe.ts";
import { sandboxTree } from "./sandbox-tree.ts";
import { secretPlaces } from "./secret-places.ts";

export interface BwrapOptions {
  /** A value of PATH: where bwrap is looked for. */
  readonly searchPath: string;
  /** process.platform */
  readonly platform: string;
  readonly isRoot: boolean;
  /** Home folder of the account: the usual places of keys and passwords in it are hidden. */
  readonly osHome?: string | undefined;
  /** What else no command may see, such as LOOP_HOME. A command whose folder lies inside sees that folder alone. */
  readonly hidden: readonly string[];
}

const MAX_PROCESSES = 1_024;

/**
 * Commands in bubblewrap: everything read-only but the named folders, empty /tmp, no network and no sockets of services, no processes but its own, no
 * capabilities, only the environment that is given (and PWD). Where the kernel counts per namespace, and not as root, 1,024 processes at most. A command
 * that a signal ends has 128 and the signal's number as its exit code: bwrap cannot tell the two apart.
 */
export function createBwrapSandbox(options: BwrapOptions): SandboxPort {
  const secret = secretPlaces(options.osHome);
  const hidden = [...secret, ...options.hidden];
  let found: Promise<Probe> | undefined;
  const look = async (): Promise<Probe> => {
    const answer = await (found ??= probe(options));
    if (!answer.ok) found = undefined; // it may be installed while the server runs
    return answer;
  };
  const requireBwrap = async (): Promise<Bwrap> => {
    const answer = await look();
    if (answer.ok) return answer.bwrap;
    throw unavailable(`Commands cannot be run apart from this machine: ${answer.why} Or let them run without a sandbox: \`sandbox: off\` in loop.yaml.`);
  };
  return {
    name: "bwrap",
    async available() {
      const answer = await look();
      return answer.ok ? { ok: true } : { ok: false, why: answer.why };
    },
    async run(command, signal) {
      const malformed = answerToMalformed(command);
      if (malformed) return malformed;
      const bwrap = await requireBwrap();
      await requireOwnPaths([command.cwd, ...command.writable]);
      return signal.aborted ? aborted : runIn(bwrap, { command, hidden }, signal);
    },
    async start(command) {
      requireWellFormed(command);
      const bwrap = await requireBwrap();
      await requireFolders([command.cwd]);
      await requireOwnPaths(command.writable);
      return startIn(bwrap, { command, hidden });
    },
    async wrap(command) {
      requireWellFormed(command);
      const bwrap = await requireBwrap();
      await requireOwnPaths([command.cwd]);
      for (const place of command.writable) await requireRealPath(place);
      const shown = new Set([...command.writable, ...command.readable]);
      return wrapIn(bwrap, { command, hidden: [...secret.filter((place) => !shown.has(place)), ...options.hidden] });
    },
  };
}

/** A command could replace a folder in its workspace by a link; what a later one may write must not follow it. */
async function requireOwnPaths(folders: readonly string[]): Promise<void> {
  await requireFolders(folders);
  for (const folder of folders) await requireRealPath(folder);
}

async function requireRealPath(path: string): Promise<void> {
  const real = await realpath(path).catch(() => null);
  if (real === null) throw unavailable(`${path} is not there, so nobody can be let write it. Make it first.`, { path });
  if (real !== path) throw unavailable(`The folder ${path} is reached through a link. Give its real path, which is ${real}.`, { folder: path, real });
}

/** Its own folder is seen wherever it lies: in /tmp, or in a home that is hidden. The files of a network are names and certificates, which are there as all else is; sockets of services stay hidden. */
async function startIn(bwrap: Bwrap, { command, hidden }: { command: LiveSandboxCommand; hidden: readonly string[] }): Promise<LiveProcess> {
  const mounts = await mountOptions({ writable: command.writable, readable: [command.cwd], hidden, limitsTmpfs: bwrap.limitsTmpfs });
  const variables = Object.entries(command.env).flatMap(([name, value]) => ["--setenv", name, value]);
  const names = command.network ? ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"] : [];
  const apart = [...isolation(bwrap.forbidsNamespaces), ...(command.network ? ["--share-net"] : [])];
  const tree = sandboxTree([...apart, ...mounts, ...names, ...variables, "--chdir", command.cwd]);
  const limits = bwrap.prlimit === null ? [] : [bwrap.prlimit, `--nproc=${MAX_PROCESSES}`, "--core=0", "--"];
  const argv = [bwrap.program, "--args", "3", "--json-status-fd", "4", "--", ...limits, ...command.argv] as const;
  return startLive({ argv, env: {}, morePipes: 2 }, tree);
}

/** Its terminal is its own, so it keeps the session that leads it; its environment is inherited, where no list of processes shows it. */
async function wrapIn(bwrap: Bwrap, { command, hidden }: { command: WrappableCommand; hidden: readonly string[] }): Promise<WrappedCommand> {
  const { cwd, writable, readable, network } = command;
  const mounts = await mountOptions({ writable: [cwd, ...writable], readable, hidden, limitsTmpfs: bwrap.limitsTmpfs });
  const names = network ? ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"] : [];
  const apart = isolation(bwrap.forbidsNamespaces).filter((option) => option !== "--new-session");
  const [inside, outside] = partition(Object.entries(command.env), ([name]) => LOADS_CODE.test(name));
  const variables = inside.flatMap(([name, value]) => ["--setenv", name, value]);
  const limits = bwrap.prlimit === null ? [] : [bwrap.prlimit, `--nproc=${MAX_PROCESSES}`, "--core=0", "--"];
  const options = [...apart, ...(network ? ["--share-net"] : []), ...mounts, ...names, ...variables, "--chdir", cwd];
  return { argv: [bwrap.program, ...options, "--", ...limits, ...command.argv], env: Object.fromEntries(outside), isHolder: true };
}

/** Would act on bwrap itself, outside. */
const LOADS_CODE = /^(LD_|DYLD_|GLIBC_TUNABLES$|GCONV_PATH$|NLSPATH$|LOCPATH$)/;

const partition = <Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] => [
  items.filter(isFirst),
  items.filter((item) => !isFirst(item)),
];

async function runIn(bwrap: Bwrap, what: { command: SandboxCommand; hidden: readonly string[] }, signal: AbortSignal): Promise<SandboxResult> {
  const { argv, cwd, cwdIsReadOnly = false, writable, readable = [], env, timeoutMs, maxOutputBytes, endsWhenCut = false } = what.command;
  const own = cwdIsReadOnly ? { writable, readable: [cwd, ...readable] } : { writable: [cwd, ...writable], readable };
  const mounts = await mountOptions({ ...own, hidden: what.hidden, limitsTmpfs: bwrap.limitsTmpfs });
  const variables = Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]);
  const tree = sandboxTree([...isolation(bwrap.forbidsNamespaces), ...mounts, ...variables, "--chdir", cwd]);
  const limits = bwrap.prlimit === null ? [] : [bwrap.prlimit, `--nproc=${MAX_PROCESSES}`, "--core=0", "--"];
  const outcome = await runBounded(
    { argv: [bwrap.program, "--args", "3", "--json-status-fd", "4", "--", ...limits, ...argv], env: {}, timeoutMs, maxOutputBytes, endsWhenCut, morePipes: 2 },
    tree,
    signal,
  );
  if (!outcome.started) return programNotStarted(argv[0], outcome.code);
  const { started: _, ...result } = outcome;
  if (tree.ranCommand() || result.exitCode === null) return result;
  const refused = /^bwrap: execvp [^]*: ([^\n:]+)\n$/.exec(result.stderr);
  if (refused) return programNotStarted(argv[0], refused[1] === "No such file or directory" ? "ENOENT" : refused[1]!);
  throw unavailable(`The sandbox could not be made: ${result.stderr.trim() || "bwrap said nothing"}.`, {});
}
