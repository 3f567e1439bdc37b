import { type FSWatcher, watch } from "node:fs";

const SETTLE_MS = 300;
const LOOK_EVERY_MS = 30_000;

/** Calls `look` soon after something in the folder changed, and each half minute in case the system did not say so. Gives the way to stop. */
export function watchFolder(folder: string, look: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(look, SETTLE_MS);
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { recursive: true }, soon);
    watcher.on("error", () => watcher?.close()); // the half minute goes on
  } catch {
    watcher = undefined; // too many watches on this machine: the half minute is enough
  }
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearTimeout(settling);
    clearInterval(timer);
    watcher?.close();
  };
}
