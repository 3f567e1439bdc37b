import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { type Answer, answerAsk } from "#src/asks/answer.ts";
import type { Ask } from "#src/asks/ask.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { type Db, openDatabase } from "#src/database/open.ts";
import type { Engine } from "#src/runs/engine.ts";
import { drain } from "./engine.ts";

/**
 * One life of what a kill sweep kills: begins what is to be done, or goes on from whatever is on record, until nothing moves. What it does outside of the
 * record it does in the folder. It keeps nothing in the process: a second life in the same one begins as a new process would.
 */
export type Life = (db: Db, folder: string, url: string) => Promise<void>;

/** The life as a program, for `if (import.meta.main)`: the address of the database and the folder are its arguments. */
export async function liveOnce(live: Life): Promise<void> {
  const [url, folder] = process.argv.slice(2) as [string, string];
  const { db, close } = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
  await live(db, folder, url);
  await close();
}

/** Moves everything that can move, and has this person answer what is asked, until nothing is left. What a killed process held is free at once. */
export async function liveOn(
  engine: Engine,
  { person, answer = () => "approve" }: { readonly person: Answer["person"]; readonly answer?: (ask: Ask) => string },
) {
  await sql`update runs set due = loop_now() where holder is not null`.execute(engine.db); // the lease of the process that was killed has run out
  for (;;) {
    const claims = await drain(engine);
    const asks = await openAsks(engine.db);
    for (const ask of asks) await answerAsk(engine.db, engine.clock, { askId: ask.id, person, answer: answer(ask), face: "sweep" });
    if (claims === 0 && asks.length === 0) return;
  }
}

/** A place where a life passes a failpoint; the number is what `LOOP_FAILPOINT_KILL_AT` takes. */
export interface SweepPoint {
  readonly name: string;
  readonly number: number;
}

/** The points of an unharmed life, in order, from the file that it traced them to. */
export async function readPoints(trace: string): Promise<SweepPoint[]> {
  const names = (await readFile(trace, "utf8")).trim().split("\n");
  return names.map((name, index) => ({ name, number: index + 1 }));
}
