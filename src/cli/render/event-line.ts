import type { EventShape } from "../client/shapes.ts";
import { type Look, toned } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { storyOf } from "./story.ts";
import { clockText } from "./time.ts";
import { columns, cut, padded } from "./width.ts";

const POSITION_WIDTH = 5;
const KIND_WIDTH = 17;

/** One event of the journal on one line: when, where in the journal, what, and what it says. */
export function eventLine(event: EventShape, look: Look): string {
  const [told] = storyOf([event], []);
  const head = `${clockText(event.at, look.nowMs)} ${padded(String(event.position), POSITION_WIDTH, "right")} `;
  const kind = padded(plainLine(event.kind), KIND_WIDTH);
  const says = plainLine(told?.lines.join(" · ") ?? restOf(event));
  return `${toned(head, "quiet", look)}${toned(kind, told?.tone ?? "quiet", look)} ${cut(says, Math.max(20, look.width - columns(head) - columns(kind) - 1))}`.trimEnd();
}

/** Of what the story leaves out: who, and the plain values. */
function restOf({ actor, payload }: EventShape): string {
  const values = Object.entries((payload ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
    ["string", "number", "boolean"].includes(typeof value) ? [`${name}=${String(value)}`] : [],
  );
  return [actor, ...values].join(" ");
}
