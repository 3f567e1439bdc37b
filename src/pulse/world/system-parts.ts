import type { Json } from "#src/kernel/canonical-json.ts";
import type { WorldMarks } from "../store/world.ts";
import { signalOf } from "./schedule.ts";

/** Snapshots that the server takes of itself. Only what is in a signal wakes; that time passes never does. */
export const systemSignals = (marks: WorldMarks): Readonly<Record<string, Json>> => ({
  "sys-claims": marks.claims.map(({ name, session }) => ({ name, session })),
  "sys-goals": {},
  "sys-schedules": Object.fromEntries(marks.schedules.map((schedule) => [schedule.name, signalOf(schedule, marks.nowMs)])),
});
