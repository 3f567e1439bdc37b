import { type FSWatcher, mkdirSync, watch } from "node:fs";
import { join } from "node:path";
import { type Fleet, lookAtAll } from "./fleet.ts";
import { folderName, STATUS_FILE } from "./places.ts";
import { isLive, type StatusFile } from "./status-file.ts";

const LOOK_EVERY_MS = 1_000;

/** Tells of every worker that began or ended, at once where the system says so and within a second else. While none lives, nothing is done but to wait for a first one. */
export function watchFleet(fleet: Fleet, changed: (key: string) => void): () => void {
  const known = new Map<string, string>();
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let looking: Promise<void> | undefined;
  let again = false;

  const lookOnce = async (): Promise<void> => {
    const all = await lookAtAll(fleet).catch(() => undefined); // whoever lists them is told why; here it is worth another look
    if (isStopped) return;
    all?.forEach((status) => tellOf(status, { known, changed }));
    const live = new Set(all?.filter(isLive).map(({ key }) => folderName(key)));
    follow(live, { folder: fleet.folder, watchers, look });
    clearTimeout(timer);
    timer = all === undefined || live.size > 0 ? setTimeout(look, LOOK_EVERY_MS).unref() : undefined;
  };
  function look(): void {
    if (looking) return void (again = true);
    looking = lookOnce().finally(() => {
      looking = undefined;
      if (again && !isStopped) look();
      again = false;
    });
  }
  mkdirSync(fleet.folder, { recursive: true, mode: 0o700 });
  const whole = watch(fleet.folder, { persistent: false }, look);
  whole.on("error", () => undefined); // the folder is gone; the next look says so
  look();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    whole.close();
    watchers.forEach((watcher) => watcher.close());
  };
}

function tellOf(status: StatusFile, { known, changed }: { readonly known: Map<string, string>; readonly changed: (key: string) => void }): void {
  if (known.get(status.key) === status.state) return;
  known.set(status.key, status.state);
  changed(status.key);
}

/** One watcher per live worker, on the folder that holds its state and nothing that changes often. */
function follow(live: ReadonlySet<string>, { folder, watchers, look }: { folder: string; watchers: Map<string, FSWatcher>; look: () => void }): void {
  for (const [name, watcher] of watchers) {
    if (live.has(name)) continue;
    watcher.close();
    watchers.delete(name);
  }
  for (const name of live) {
    if (watchers.has(name)) continue;
    try {
      const watcher = watch(join(folder, name), { persistent: false }, (_, file) => void (file === STATUS_FILE && look()));
      watcher.on("error", () => undefined); // the look of every second stays
      watchers.set(name, watcher);
    } catch {
      return; // no more watchers to be had: the look of every second stays
    }
  }
}
