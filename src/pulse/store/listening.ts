import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";

const KIND = "loop.listening";
const known = new WeakSet<Db>();

/** Whether a session of an agent has ever waited for the world to move. Once it is so it stays so, and is asked of the record no more. */
export async function hasListened(db: Db): Promise<boolean> {
  if (known.has(db)) return true;
  const { rows } = await sql<{ found: boolean }>`select exists (select from events where kind = 'loop.listening') as found`.execute(db);
  if (rows[0]!.found) known.add(db);
  return rows[0]!.found;
}

/** Two sessions that begin at once may both be noted. */
export async function noteListening(db: Db, clock: Clock, actor: string): Promise<void> {
  if (await hasListened(db)) return;
  await append(db, clock, [{ kind: KIND, actor, payload: {} }]);
  known.add(db);
}
