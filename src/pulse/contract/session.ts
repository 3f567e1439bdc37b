import { workerNameOf } from "../store/worker-names.ts";
import type { Db } from "#src/database/open.ts";
import type { Caller } from "#src/people/principal.ts";

/** By what name whoever speaks goes: a worker by its own, everybody else by their handle. */
export async function sessionOf(db: Db, caller: Caller): Promise<string> {
  return caller.runId === null ? caller.handle : ((await workerNameOf(db, caller.runId)) ?? caller.handle);
}
