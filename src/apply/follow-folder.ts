import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { createFolderTaker, type Taken } from "#src/workspace/taking.ts";
import { watchFolder } from "#src/workspace/watch.ts";

export interface Following {
  /** What the last look found: problems, what is in force, what waits for an apply. */
  last(): Taken | undefined;
  /** Looks now. */
  look(): Promise<Taken>;
  /** Does this while nobody looks: between a revision and the writing of its files the folder says something else than is meant. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  stop(): void;
}

/**
 * Keeps the record in step with the folder: what is live comes into force when a file changes, what is power waits for an apply, and with a broken file the last
 * good revision stays.
 */
export function followFolder(parts: { db: Db; clock: Clock; log: Log; folder: string; tookEffect: () => Promise<void> }): Following {
  const { db, clock, log, folder } = parts;
  const take = createFolderTaker(db, clock, { folder, author: "system" });
  let last: Taken | undefined;
  let said = "";
  let turn: Promise<unknown> = Promise.resolve();
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
  const lookNow = async (): Promise<Taken> => {
    const taken = await take();
    last = taken;
    if (taken.kind === "taken" && taken.live.length > 0) await parts.tookEffect();
    const words = wordsFor(taken);
    if (words !== said && words !== "") log.warn(words, { folder });
    said = words;
    return taken;
  };
  const look = (): Promise<Taken> => alone(lookNow);
  const watching = watchFolder(folder, () => void look().catch((error: unknown) => log.warn("the workspace folder could not be looked at", { folder, error })));
  return { last: () => last, look, alone, stop: watching.stop };
}

function wordsFor(taken: Taken): string {
  if (taken.kind === "problems") return `the workspace has problems; the last good revision stays in force: ${problemsText(taken.problems)}`;
  if (taken.kind === "taken" && taken.waiting.length > 0)
    return `changes wait for \`loop apply\`: ${[...new Set(taken.waiting.map((change) => change.file))].join(", ")}`;
  return "";
}
