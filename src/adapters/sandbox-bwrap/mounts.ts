import { realpath, stat } from "node:fs/promises";
import { SOCKET_FOLDERS } from "./secret-places.ts";

export interface View {
  /** Absolute, without links on the way: what lies there is writable. */
  readonly writable: readonly string[];
  /** Seen and only read, also inside what is hidden or empty. */
  readonly readable: readonly string[];
  /** What cannot be seen, as far as it is there. */
  readonly hidden: readonly string[];
  readonly limitsTmpfs: boolean;
}

interface Mount {
  readonly path: string;
  readonly options: readonly string[];
}

const SCRATCH_BYTES = 1_073_741_824;
const EMPTY_BYTES = 1_048_576; // room for the places where something is mounted inside

/**
 * The options of bwrap that make the file system: everything read-only, fresh /dev, /proc and /tmp, nothing where something is hidden. Deeper mounts come
 * later, so that a writable folder inside a hidden one is there, and a hidden one inside a writable one is not. For one path, hidden wins.
 * A hidden file reads as empty.
 */
export async function mountOptions(view: View): Promise<readonly string[]> {
  const tmpfs = (bytes: number, path: string) => [...(view.limitsTmpfs ? ["--size", String(bytes)] : []), "--tmpfs", path];
  const writable = view.writable.map((path): Mount => ({ path, options: ["--bind", path, path] }));
  const readable = (await existing(view.readable)).map(({ path }): Mount => ({ path, options: ["--ro-bind", path, path] }));
  const scratch = (await existing(["/tmp", "/var/tmp"])).map(({ path }): Mount => ({ path, options: tmpfs(SCRATCH_BYTES, path) }));
  const hidden = (await existing([...SOCKET_FOLDERS, ...view.hidden])).map(({ path, isFolder }): Mount => ({
    path,
    options: isFolder ? tmpfs(EMPTY_BYTES, path) : ["--dev-bind", "/dev/null", path],
  }));
  const programs = (await existing(["/run/current-system"])).map((): Mount => {
    const path = "/run/current-system"; // NixOS: every program is found through it
    return { path, options: ["--ro-bind", path, path] };
  });
  const byPath = new Map([...scratch, ...programs, ...readable, ...writable, ...hidden].map((mount) => [mount.path, mount]));
  const system: Mount[] = [
    { path: "/dev", options: ["--dev", "/dev"] },
    { path: "/proc", options: ["--proc", "/proc"] },
  ];
  const ordered = [...system, ...byPath.values()].sort((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1));
  return ["--ro-bind", "/", "/", ...ordered.flatMap((mount) => mount.options)];
}

const depth = (path: string): number => path.split("/").filter((part) => part !== "").length;

/** Those that are there, by their real paths: a link to a hidden place would otherwise show it. */
async function existing(paths: readonly string[]): Promise<readonly { path: string; isFolder: boolean }[]> {
  const found = await Promise.all(
    paths.map(async (given) => {
      const path = await realpath(given).catch(() => null);
      return path === null ? [] : [{ path, isFolder: (await stat(path)).isDirectory() }];
    }),
  );
  return found.flat();
}
