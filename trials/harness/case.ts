import type { World } from "./world.ts";

/** What a machine must have for a case to be run; without it the case is listed as skipped, never as held. */
export type Need = "root" | "faketime" | "bwrap" | "tmpfs" | "loop" | "real tool servers" | "agent cli" | "strace";

export interface Judged {
  /** Injections that took place, counted where they took place. */
  readonly reached: number;
  /** Fewer say nothing about the system: the case is then incomplete, not green. */
  readonly wanted: number;
  readonly held: boolean;
  /** Everything held but a bound on time. */
  readonly isLate?: boolean;
  /** What was seen, in figures. */
  readonly figure: string;
}

export interface Case {
  readonly id: string;
  readonly title: string;
  readonly needs?: readonly Need[];
  /** Part of `--short`, which is what CI runs. */
  readonly short: boolean;
  /** It compares times, so nothing else may run beside it. */
  readonly alone?: boolean;
  readonly limitMs: { readonly short: number; readonly full: number };
  run(world: World): Promise<Judged>;
}

/** A bound on time. Missed on a loaded machine it says little of the system: it is shown, and is for `npm run bench` to fail on. */
interface TimeBound {
  readonly isKept: boolean;
  /** Missed by so much that no load explains it: the case does not hold. */
  readonly isFarOff: boolean;
}

/** How much longer a loaded machine may take. A stop that waits for a connection to become idle, or a thing that never comes, is beyond it. */
const LOADED = 2.5;

export const within = (tookMs: number, limitMs: number): TimeBound => ({ isKept: tookMs <= limitMs, isFarOff: !(tookMs <= limitMs * LOADED) });

/** For times that are compared with others of the same machine. */
export const inTime = (isKept: boolean): TimeBound => ({ isKept, isFarOff: false });

/** A judgement out of named conditions: held when all of them are true; those that are not, and bounds on time that were missed, stand in front of the figure. */
export function judged(seen: { reached: number; wanted: number; figure: string; conditions: Readonly<Record<string, boolean | TimeBound>> }): Judged {
  const conditions = Object.entries(seen.conditions);
  const isBroken = (condition: boolean | TimeBound): boolean => (typeof condition === "object" ? condition.isFarOff : !condition);
  const broken = conditions.flatMap(([name, condition]) => (isBroken(condition) ? [`NOT ${name}`] : []));
  const late = conditions.flatMap(([name, bound]) => (typeof bound === "object" && !bound.isKept && !bound.isFarOff ? [`LATE, not ${name}`] : []));
  const said = [...broken, ...late];
  const figure = said.length === 0 ? seen.figure : `${said.join(", ")}: ${seen.figure}`;
  return { reached: seen.reached, wanted: seen.wanted, held: broken.length === 0, isLate: late.length > 0, figure };
}
