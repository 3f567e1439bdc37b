import type { Db } from "#src/database/open.ts";
import { goalsWorkedOn, goalsWritten } from "../store/goal-activity.ts";
import type { Direction } from "./direction.ts";

interface Written {
  readonly revision: number;
  readonly at: Promise<ReadonlyMap<string, number>>;
}

/** What was read of the revision that was looked at last: it does not change. */
const known = new WeakMap<Db, Written>();

/** When each goal was last written, or last had something done about it: a worker of its name began, or an ask of that was answered. Milliseconds since 1970. */
export async function goalActivity(db: Db, { revision, direction }: { revision: number; direction: Direction }): Promise<ReadonlyMap<string, number>> {
  const goals = [...direction.goals.keys()];
  if (goals.length === 0) return new Map();
  const [written, workedOn] = await Promise.all([writtenBy(db, revision), goalsWorkedOn(db, goals)]);
  const times = goals.map((goal) => [goal, [written.get(goal), workedOn.get(goal)].filter((at) => at !== undefined)] as const);
  return new Map(times.flatMap(([goal, at]) => (at.length === 0 ? [] : [[goal, Math.max(...at)] as const])));
}

function writtenBy(db: Db, revision: number): Written["at"] {
  const before = known.get(db);
  if (before?.revision === revision) return before.at;
  const at = goalsWritten(db);
  known.set(db, { revision, at });
  at.catch(() => known.delete(db));
  return at;
}

/** The goal that nobody did anything about for the longest time. */
export function neglected(activity: ReadonlyMap<string, number>, nowMs: number): { readonly id: string; readonly idle_s: number } | null {
  const [oldest] = [...activity].toSorted(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : 1));
  return oldest === undefined ? null : { id: oldest[0], idle_s: idleSeconds(oldest[1], nowMs) };
}

export const idleSeconds = (atMs: number, nowMs: number): number => Math.max(0, Math.floor((nowMs - atMs) / 1_000));
