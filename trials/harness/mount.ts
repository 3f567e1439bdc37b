import { execFile } from "node:child_process";
import { chmod, mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { World } from "./world.ts";

const run = promisify(execFile);
const MEGABYTE = 1_048_576;

/** A small disk of its own, gone with the case. */
export interface Disk {
  readonly folder: string;
  freeMb(): Promise<number>;
  /** Writes until so much is left; 0 until nothing more can be written. Gives how much was written, in megabytes. */
  fillTo(freeMb: number): Promise<number>;
  /** Takes away what was filled in. */
  clear(): Promise<void>;
}

export async function mountTmpfs(world: World, name: string, sizeMb: number): Promise<Disk> {
  const folder = join(world.folder, name);
  await mkdir(folder, { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m,mode=711`, "none", folder]);
  world.after(() => unmount(folder));
  return diskAt(folder);
}

/** A file system in a file, that can be made to fail as a broken disk does. */
export async function mountLoop(world: World, name: string, sizeMb: number): Promise<Disk & { readonly breakIt: () => Promise<void> }> {
  const folder = join(world.folder, name);
  const image = join(world.folder, `${name}.img`);
  await mkdir(folder, { recursive: true });
  await run("dd", ["if=/dev/zero", `of=${image}`, "bs=1M", `count=${sizeMb}`]);
  await run("mkfs.ext4", ["-q", "-F", "-m", "0", image]);
  const { stdout } = await run("losetup", ["--show", "-f", image]);
  const device = stdout.trim();
  world.after(() => run("losetup", ["-d", device]));
  await run("mount", ["-o", "errors=remount-ro", device, folder]);
  world.after(() => unmount(folder));
  await chmod(folder, 0o711);
  const breakIt = async (): Promise<void> => writeFile(`/sys/fs/ext4/${device.slice("/dev/".length)}/trigger_fs_error`, "1");
  return { ...diskAt(folder), breakIt };
}

function diskAt(folder: string): Disk {
  const filling = join(folder, "filling");
  const freeMb = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(folder);
    return (bavail * bsize) / MEGABYTE;
  };
  return {
    folder,
    freeMb,
    async fillTo(left) {
      const file = openSync(filling, "a");
      const block = Buffer.alloc(MEGABYTE);
      let written = 0;
      try {
        while ((await freeMb()) > left) written += writeSync(file, block) / MEGABYTE;
        if (left === 0) for (;;) written += writeSync(file, block.subarray(0, 4_096)) / MEGABYTE;
      } catch {
        // no space left: that is what was wanted
      } finally {
        closeSync(file);
      }
      return written;
    },
    clear: () => rm(filling, { force: true }),
  };
}

async function unmount(folder: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await run("umount", tries < 20 ? [folder] : ["-l", folder]);
      return;
    } catch (error) {
      if (tries >= 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200)); // whoever had files open is ending
    }
  }
}
