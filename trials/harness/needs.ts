import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "./case.ts";

const FAKETIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/faketime/libfaketime.so.1",
];

/** The library that is put under a process to move its clock; Debian's package `faketime`. */
export const faketimeLibrary = (): string | undefined => FAKETIME.find((path) => existsSync(path));

const TOOL_SERVERS = ["everything", "filesystem"].map((name) => `@modelcontextprotocol/server-${name}@2026.8.31`);
const INSTALL_MS = 180_000;

/** Where the real tool servers lie once they were installed; kept from one call to the next. */
export const realToolServers = (): string =>
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "loopwright-trials", "mcp-2026.8.31", "node_modules", "@modelcontextprotocol");

/** Installs them on demand. False without a registry in reach. */
function installToolServers(): boolean {
  if (existsSync(join(realToolServers(), "server-filesystem", "dist", "index.js"))) return true;
  const folder = join(realToolServers(), "..", "..");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const options = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--prefix", folder, ...TOOL_SERVERS];
  return spawnSync("npm", options, { stdio: "ignore", cwd: folder, timeout: INSTALL_MS }).status === 0;
}

const AGENT_CLI = "@earendil-works/pi-coding-agent@0.87.1";

/** Where the packages of the coding agent lie once it was installed; kept from one call to the next, and never a dependency. */
export const agentCli = (): string => join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "loopwright-trials", "pi-0.87.1", "node_modules");

/** Installs it on demand. False without a registry in reach. */
function installAgentCli(): boolean {
  if (existsSync(join(agentCli(), ".bin", "pi"))) return true;
  const folder = join(agentCli(), "..");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }');
  const options = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--prefix", folder, AGENT_CLI];
  return spawnSync("npm", options, { stdio: "ignore", cwd: folder, timeout: INSTALL_MS }).status === 0 && existsSync(join(agentCli(), ".bin", "pi"));
}

const LOOKS: Readonly<Record<Need, () => boolean>> = {
  "real tool servers": installToolServers,
  "agent cli": installAgentCli,
  root: () => process.geteuid?.() === 0,
  faketime: () => faketimeLibrary() !== undefined,
  strace: () => spawnSync("strace", ["-f", "--seccomp-bpf", "-e", "trace=execve", "-o", "/dev/null", "true"], { stdio: "ignore" }).status === 0,
  bwrap: () => spawnSync("bwrap", ["--version"], { stdio: "ignore" }).status === 0,
  tmpfs: () => mounts(["-t", "tmpfs", "-o", "size=1m", "none"]),
  loop: () =>
    process.geteuid?.() === 0 &&
    existsSync("/dev/loop-control") &&
    spawnSync("mkfs.ext4", ["-V"], { stdio: "ignore" }).status === 0 &&
    spawnSync("losetup", ["-f"], { stdio: "ignore" }).status === 0,
};

const known = new Map<Need, boolean>();

/** Those of the needs that this machine does not have. */
export function missing(needs: readonly Need[]): Need[] {
  return needs.filter((need) => {
    if (!known.has(need)) known.set(need, LOOKS[need]());
    return !known.get(need);
  });
}

function mounts(options: readonly string[]): boolean {
  const place = mkdtempSync(join(tmpdir(), "loopwright-trial-mount-"));
  try {
    const mounted = spawnSync("mount", [...options, place], { stdio: "ignore" }).status === 0;
    if (mounted) spawnSync("umount", [place], { stdio: "ignore" });
    return mounted;
  } finally {
    rmdirSync(place);
  }
}
