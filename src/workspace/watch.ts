import { type FSWatcher, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const SETTLE_MS = 300;
const LOOK_EVERY_MS = 30_000;
const MAX_FOLDERS = 4_000;
/** Nothing is read from there, and it changes with the world. */
const WRITTEN_BY_US = "snapshots";

export interface Watching {
  /** Resolved when what happens from now on is noticed. Never rejected. */
  readonly ready: Promise<void>;
  stop(): void;
}

/**
 * Calls `look` soon after something in the folder changed, and each half minute in case the system did not say so. Watched are folders, each by itself: the
 * watch of a file would be lost with the file that an editor puts in its place.
 */
export function watchFolder(folder: string, look: () => void): Watching {
  const watchers = new Map<string, FSWatcher>();
  let stopped = false;
  let settling: NodeJS.Timeout | undefined;
  let following: Promise<void> = Promise.resolve();
  const soon = (): void => {
    if (stopped) return;
    clearTimeout(settling);
    settling = setTimeout(() => void follow().then(look), SETTLE_MS);
  };
  const follow = (): Promise<void> =>
    (following = following.then(() => watchEach(folder, watchers, soon)).then(() => stopped && closeAll(watchers)) as Promise<void>);
  const timer = setInterval(() => void follow().then(look), LOOK_EVERY_MS);
  timer.unref();
  return {
    ready: follow(),
    stop() {
      stopped = true;
      clearTimeout(settling);
      clearInterval(timer);
      closeAll(watchers);
    },
  };
}

function closeAll(watchers: Map<string, FSWatcher>): void {
  for (const watcher of watchers.values()) watcher.close();
  watchers.clear();
}

/** Watches the folders that there are now, and no others. A folder that came back under its name is another one. */
async function watchEach(folder: string, watchers: Map<string, FSWatcher>, changed: () => void): Promise<void> {
  const found = await foldersIn(folder);
  for (const [key, watcher] of watchers) {
    if (found.has(key)) continue;
    watcher.close();
    watchers.delete(key);
  }
  for (const [key, path] of found) {
    if (watchers.has(key)) continue;
    try {
      const watcher = watch(path, changed);
      watcher.on("error", () => watcher.close()); // the half minute goes on
      watchers.set(key, watcher);
    } catch {
      return; // gone meanwhile, or too many watches on this machine: the half minute is enough
    }
  }
}

/** The folder and those in it that may hold what is read, by what they are rather than by what they are called. */
async function foldersIn(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const waiting = [folder];
  for (let path = waiting.pop(); path !== undefined && found.size < MAX_FOLDERS; path = waiting.pop()) {
    const here = path;
    try {
      const { dev, ino } = await stat(here);
      found.set(`${dev}:${ino} ${here}`, here);
      const entries = await readdir(here, { withFileTypes: true });
      const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules");
      waiting.push(...folders.filter(({ name }) => here !== folder || name !== WRITTEN_BY_US).map(({ name }) => join(here, name)));
    } catch {
      // gone meanwhile, or not ours to open: whoever looks at the folder says so
    }
  }
  return found;
}
