import type { Db } from "#src/database/open.ts";
import type { Caller } from "#src/people/principal.ts";
import { type ReadSoFar, readSoFar } from "#src/runs/read-so-far.ts";
import { readState } from "#src/runs/store/state.ts";

/** What whoever speaks had read, where it is a run: what it gives away is as trustworthy as that. Undefined: no run speaks. */
export async function readByCaller(db: Db, { runId }: Pick<Caller, "runId">): Promise<ReadSoFar | undefined> {
  return runId === null ? undefined : readSoFar(await readState(db, runId));
}
