import type { World } from "./world.ts";

/** What a machine must have for a case to be run; without it the case is listed as skipped, never as held. */
export type Need = "root" | "faketime" | "bwrap" | "tmpfs" | "loop";

export interface Judged {
  /** Injections that took place, counted where they took place. */
  readonly reached: number;
  /** Fewer say nothing about the system: the case is then incomplete, not green. */
  readonly wanted: number;
  readonly held: boolean;
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

/** A judgement out of named conditions: held when all of them are true; those that are not stand in front of the figure. */
export function judged(seen: { reached: number; wanted: number; figure: string; conditions: Readonly<Record<string, boolean>> }): Judged {
  const broken = Object.entries(seen.conditions).flatMap(([name, isTrue]) => (isTrue ? [] : [name]));
  const figure = broken.length === 0 ? seen.figure : `NOT ${broken.join(", NOT ")}: ${seen.figure}`;
  return { reached: seen.reached, wanted: seen.wanted, held: broken.length === 0, figure };
}
