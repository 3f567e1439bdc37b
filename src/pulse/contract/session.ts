import type { Db } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Caller } from "#src/people/principal.ts";
import { workerNameOf } from "../store/worker-names.ts";

/** By what name whoever speaks goes: a worker by its own, everybody else by their handle. */
async function sessionOf(db: Db, caller: Caller): Promise<string> {
  return caller.runId === null ? caller.handle : ((await workerNameOf(db, caller.runId)) ?? caller.handle);
}

/**
 * The name that is meant: the one that was given, else that of whoever speaks. A worker means itself alone; another's name is refused, and that it was tried is in
 * the journal. @throws LoopError permission_missing
 */
export async function nameMeant(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  caller: Caller,
  of: { readonly verb: string; readonly name?: string | undefined },
): Promise<string> {
  const own = await sessionOf(db, caller);
  const { verb, name = own } = of;
  if (caller.runId === null || name === own) return name;
  await append(db, clock, [{ kind: "worker.refused", actor: caller.id, runId: caller.runId, payload: { verb, worker: own, meant: name } }]);
  throw new LoopError(
    "permission_missing",
    `${own} is a worker and may do this only for itself: \`${verb}\` named ${name}. Leave the name out, or give ${own}.`,
    {
      facts: { worker: own, meant: name },
    },
  );
}
