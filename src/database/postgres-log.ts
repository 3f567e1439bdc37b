import { stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "#src/kernel/log.ts";
import { isSystemError } from "./postgres-account.ts";

const LIMIT_BYTES = 10_000_000;
const CHECK_MS = 600_000;

/** Empties postgres.log when it has grown past 10 MB, now and every ten minutes. Postgres appends, so emptying under it is safe. Gives what ends the checks. */
export function limitLog(folder: string, log: Log): () => void {
  const path = join(folder, "postgres.log");
  const check = async () => {
    try {
      if ((await stat(path)).size <= LIMIT_BYTES) return;
      await truncate(path);
      log.warn("emptied the database's log file", { path, limitBytes: LIMIT_BYTES });
    } catch (cause) {
      if (!isSystemError(cause, "ENOENT")) log.warn("cannot limit the database's log file", { path, error: cause });
    }
  };
  void check();
  const timer = setInterval(() => void check(), CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
