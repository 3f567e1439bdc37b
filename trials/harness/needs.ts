import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "./case.ts";

const FAKETIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/faketime/libfaketime.so.1",
];

/** The library that is put under a process to move its clock; Debian's package `faketime`. */
export const faketimeLibrary = (): string | undefined => FAKETIME.find((path) => existsSync(path));

const LOOKS: Readonly<Record<Need, () => boolean>> = {
  root: () => process.geteuid?.() === 0,
  faketime: () => faketimeLibrary() !== undefined,
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
