import type { Json } from "#src/kernel/canonical-json.ts";
import type { WorkerRow } from "../store/workers.ts";
import type { WorldMarks } from "../store/world.ts";
import { signalOf } from "./schedule.ts";

/** Snapshots that the server takes of itself. Only what is in a signal wakes; that time passes never does. */
export const systemSignals = (marks: WorldMarks, workers: readonly WorkerRow[]): Readonly<Record<string, Json>> => ({
  "sys-workers": workers.map(({ name, state, exitCode }) => ({ id: name, state, exit_code: exitCode })),
  "sys-claims": marks.claims.map(({ name, session }) => ({ name, session })),
  "sys-goals": {},
  "sys-schedules": Object.fromEntries(marks.schedules.map((schedule) => [schedule.name, signalOf(schedule, marks.nowMs)])),
});
