import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { type BoundedCommand, runBounded } from "#src/processes/bounded-process.ts";
import { processGroup } from "#src/processes/process-group.ts";
import { findProgram } from "./find-program.ts";

/** What was found on this machine, and what it can do. */
export interface Bwrap {
  readonly program: string;
  /** --size: from 0.7. */
  readonly limitsTmpfs: boolean;
  /** --disable-userns: from 0.8, and not where bwrap is set-uid root. */
  readonly forbidsNamespaces: boolean;
  /** Sets a limit on processes inside; null where the kernel would count those outside too, or not at all. */
  readonly prlimit: string | null;
}

export type Probe = { readonly ok: true; readonly bwrap: Bwrap } | { readonly ok: false; readonly why: string };

const INSTALL =
  "Install it: `apt-get install bubblewrap` (Debian, Ubuntu), `dnf install bubblewrap` (Fedora), `apk add bubblewrap` (Alpine), `pacman -S bubblewrap` (Arch).";
const PROBE_LIMIT_MS = 10_000;
const KERNEL_THAT_COUNTS_INSIDE = [5, 14]; // since then RLIMIT_NPROC is counted per user namespace

/** Looks for bwrap and tries it with the options that every command gets. */
export async function probe(options: { searchPath: string; platform: string; isRoot: boolean }): Promise<Probe> {
  if (options.platform !== "linux") return { ok: false, why: `bubblewrap works on Linux only, and this is ${options.platform}.` };
  const program = await findProgram("bwrap", options.searchPath);
  if (program === null) return { ok: false, why: `bubblewrap is not installed (no program bwrap on PATH). ${INSTALL}` };
  const version = versionOf(await tryOut(program, ["--version"]));
  const prlimit = !options.isRoot && isAtLeast(numbersOf(release()), KERNEL_THAT_COUNTS_INSIDE) ? await findProgram("prlimit", options.searchPath) : null;
  const limitsTmpfs = isAtLeast(version, [0, 7]);
  let said = "";
  for (const forbidsNamespaces of isAtLeast(version, [0, 8]) ? [true, false] : [false]) {
    const trial = await tryOut(program, [
      ...isolation(forbidsNamespaces),
      "--ro-bind",
      "/",
      "/",
      "--dev",
      "/dev",
      "--proc",
      "/proc",
      "--tmpfs",
      "/tmp",
      "--",
      program,
      "--version",
    ]);
    if (trial.exitCode === 0) return { ok: true, bwrap: { program, limitsTmpfs, forbidsNamespaces, prlimit } };
    said = trial.stderr.trim();
  }
  return { ok: false, why: `${program} cannot make a sandbox here (${said || "it said nothing"}). ${await advice()}` };
}

/**
 * Namespaces of its own for everything, no capabilities (as root, bwrap would keep them, and a command could undo the mounts), dead when the server is,
 * and no way to push input to the terminal.
 */
export const isolation = (forbidsNamespaces: boolean): readonly string[] => [
  "--unshare-user",
  "--unshare-all",
  ...(forbidsNamespaces ? ["--disable-userns"] : []),
  "--cap-drop",
  "ALL",
  "--die-with-parent",
  "--new-session",
];

async function tryOut(program: string, args: readonly string[]): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const command: BoundedCommand = { argv: [program, ...args], env: {}, timeoutMs: PROBE_LIMIT_MS, maxOutputBytes: 4_096 };
  const outcome = await runBounded(command, processGroup, new AbortController().signal);
  return outcome.started ? outcome : { exitCode: null, stdout: "", stderr: outcome.code };
}

const versionOf = ({ stdout }: { stdout: string }): readonly number[] => numbersOf(stdout.replace(/^bubblewrap /, ""));
const numbersOf = (text: string): readonly number[] => (/^(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
const isAtLeast = ([major = 0, minor = 0]: readonly number[], [wantedMajor = 0, wantedMinor = 0]: readonly number[]): boolean =>
  major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);

/** What usually keeps user namespaces from working, read from the kernel's own switches. */
async function advice(): Promise<string> {
  if ((await kernelSwitch("kernel/apparmor_restrict_unprivileged_userns")) === "1") {
    return "AppArmor forbids user namespaces: install its profile for bwrap (Ubuntu: `apt-get install apparmor-profiles`, then load /usr/share/apparmor/extra-profiles/bwrap-userns-restrict), or set the sysctl kernel.apparmor_restrict_unprivileged_userns to 0.";
  }
  if ((await kernelSwitch("kernel/unprivileged_userns_clone")) === "0") return "User namespaces are off: set the sysctl kernel.unprivileged_userns_clone to 1.";
  if ((await kernelSwitch("user/max_user_namespaces")) === "0") return "User namespaces are off: set the sysctl user.max_user_namespaces to 10000.";
  return "In a container, its runtime must allow user namespaces and mounts, such as with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined` for Docker.";
}

const kernelSwitch = (name: string): Promise<string | null> =>
  readFile(`/proc/sys/${name}`, "utf8").then(
    (text) => text.trim(),
    () => null,
  );
