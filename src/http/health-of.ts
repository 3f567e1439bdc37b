import type { DatabaseTrouble } from "#src/database/guard.ts";
import type { StorageWatch } from "#src/database/storage.ts";
import type { Taken } from "#src/workspace/taking.ts";
import type { Health } from "./deps.ts";

interface Looked {
  readonly storage: StorageWatch;
  readonly record: { trouble(): DatabaseTrouble | undefined };
  readonly logFile: { lost(): number };
  /** What the last look at the folder found. */
  readonly workspace: Taken | undefined;
}

const SAYING: Readonly<Record<DatabaseTrouble, string>> = {
  away: "the database is away: nothing moves until it is back",
  full: "the database has no connection left for this server: nothing moves until others give some back, or max_connections is raised",
};

/** What a server says of itself. */
export function healthOf({ storage, record, logFile, workspace }: Looked): Health {
  const database = record.trouble();
  const linesLost = logFile.lost();
  const troubles = [
    ...(database === undefined ? [] : [SAYING[database]]),
    ...(storage.hasRoom() ? [] : ["the disk is nearly full: no new work is taken"]),
    ...(linesLost === 0 ? [] : [`the log cannot be written, is its disk full? Work goes on; ${linesLost} lines are lost so far`]),
    ...(workspace?.kind === "problems" ? ["the workspace has problems: the last good revision is in force"] : []),
  ];
  const parts = { database: database ?? "up", freeMb: String(storage.freeMb()), workspace: workspace?.kind ?? "unknown" };
  return { ok: database === undefined, ...(troubles.length > 0 ? { degraded: troubles.join("; ") } : {}), parts };
}
