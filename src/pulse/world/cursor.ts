import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** Parts of the world that somebody may wait for. */
export const PARTS = ["asks", "playbook", "goals", "snapshots", "journal"] as const;
export type Part = (typeof PARTS)[number];

/** A digest of each part. `yours`: of the asks that one speaker may answer. */
export type Marks = Readonly<Record<Part | "yours", string>>;

const ORDER = ["playbook", "goals", "snapshots", "asks", "yours", "journal"] as const satisfies readonly (keyof Marks)[];
const CHARACTERS = 10;
const SHAPE = new RegExp(`^w1(?:\\.[0-9a-f]{${CHARACTERS}}){${ORDER.length}}$`);

/** What a reader has seen of the world, as a text that it gives back to hear of what came since. It says everything itself: no server keeps it. */
export const cursorOf = (marks: Marks): string => ["w1", ...ORDER.map((part) => short(marks[part]))].join(".");

const short = (text: string): string => sha256(text).slice(0, CHARACTERS);

/** Which digests differ between two cursors. @throws LoopError input_invalid for what is no cursor */
export function movedSince(cursor: string, now: string): ReadonlySet<keyof Marks> {
  const [before, after] = [digestsIn(cursor), digestsIn(now)];
  return new Set(ORDER.filter((_, index) => before[index] !== after[index]));
}

function digestsIn(cursor: string): readonly string[] {
  if (SHAPE.test(cursor)) return cursor.split(".").slice(1);
  throw new LoopError("input_invalid", `${JSON.stringify(cursor.slice(0, 80))} is no cursor. Expected what \`cursor\` of \`loop _ state --json\` said.`);
}
