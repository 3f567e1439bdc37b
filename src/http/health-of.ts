import type { StorageWatch } from "#src/database/storage.ts";
import type { Taken } from "#src/workspace/taking.ts";
import type { Health } from "./deps.ts";

interface Looked {
  readonly storage: StorageWatch;
  readonly record: { isUp(): boolean };
  /** What the last look at the folder found. */
  readonly workspace: Taken | undefined;
}

/** What a server says of itself. */
export function healthOf({ storage, record, workspace }: Looked): Health {
  const troubles = [
    ...(record.isUp() ? [] : ["the database is away: nothing moves until it is back"]),
    ...(storage.hasRoom() ? [] : ["the disk is nearly full: no new work is taken"]),
    ...(workspace?.kind === "problems" ? ["the workspace has problems: the last good revision is in force"] : []),
  ];
  const parts = { database: record.isUp() ? "up" : "away", freeMb: String(storage.freeMb()), workspace: workspace?.kind ?? "unknown" };
  return { ok: record.isUp(), ...(troubles.length > 0 ? { degraded: troubles.join("; ") } : {}), parts };
}
