import { z } from "zod";
import { beatsBetween, type Moments } from "../beats.ts";
import type { ScheduleMark } from "../store/world.ts";

/** When whoever decides wants to be woken. Times in milliseconds since 1970. */
const scheduleSpec = z.union([
  z.strictObject({ at: z.number() }),
  z.strictObject({ everyS: z.number(), anchor: z.number() }),
  z.strictObject({ cron: z.string(), timeZone: z.string() }),
  z.strictObject({ rrule: z.string(), timeZone: z.string() }),
]);
export type ScheduleSpec = z.infer<typeof scheduleSpec>;

/** Undefined: it is none that this version knows. */
export const readSpec = (spec: unknown): ScheduleSpec | undefined => scheduleSpec.safeParse(spec).data;

/** What wakes: a schedule that comes once is pending, then due; one that comes again names the last time that it came. */
export type ScheduleSignal = "pending" | "due" | "invalid" | { readonly period: number | string };

export function signalOf({ spec, period }: Pick<ScheduleMark, "spec" | "period">, nowMs: number): ScheduleSignal {
  const read = readSpec(spec);
  if (!read) return "invalid";
  if ("at" in read) return period !== null || nowMs >= read.at ? "due" : "pending"; // what was due stays so when the clock is set back
  if ("everyS" in read) return { period: Number(period ?? 0) };
  return period === null ? "pending" : { period };
}

/** How far a schedule has come. */
export interface Progress {
  /** The last of its moments that came; null: none yet. */
  readonly period: string | null;
  /** Until when it was looked at; it never goes back, whatever the clock does. */
  readonly reachedMs: number;
  /** Null: it never comes again. */
  readonly nextMs: number | null;
}

export interface Look {
  readonly spec: ScheduleSpec;
  /** once: what was missed while nobody looked comes once, now. skip: it does not come. */
  readonly missed: "once" | "skip";
  readonly nowMs: number;
}

/** Longer ago than this, and nobody was there when it came. */
const UNWATCHED_MS = 150_000;
/** Further ahead than this nothing is looked for. */
const HORIZON_MS = 5 * 366 * 86_400_000;

/**
 * The progress after a look. Pure, and safe to repeat: a moment that came has come, though the clock be set back and reach it again; many that came between
 * two looks are one.
 */
export function progressed(moments: Moments, { reachedMs, period }: Pick<Progress, "period" | "reachedMs">, { spec, missed, nowMs }: Look): Progress {
  const untilMs = Math.max(reachedMs, nowMs);
  if ("at" in spec) {
    const isDue = period !== null || untilMs >= spec.at;
    return { period: isDue ? "due" : null, reachedMs: untilMs, nextMs: isDue ? null : spec.at };
  }
  const last = lastMoment(moments, spec, { afterMs: reachedMs, untilMs });
  const counts = last !== undefined && (missed === "once" || last.atMs > nowMs - UNWATCHED_MS);
  return { period: counts ? last.id : period, reachedMs: untilMs, nextMs: nextMoment(moments, spec, untilMs) };
}

type Recurring = Exclude<ScheduleSpec, { readonly at: number }>;

const atOf = (spec: Exclude<Recurring, { readonly everyS: number }>): string => ("cron" in spec ? spec.cron : spec.rrule);

function lastMoment(moments: Moments, spec: Recurring, { afterMs, untilMs }: { afterMs: number; untilMs: number }): { atMs: number; id: string } | undefined {
  if (!("everyS" in spec)) return beatsBetween(moments, { at: atOf(spec), timeZone: spec.timeZone }, { afterMs, untilMs }).at(-1);
  const count = Math.floor((untilMs - spec.anchor) / (spec.everyS * 1_000));
  const atMs = spec.anchor + count * spec.everyS * 1_000;
  return count > 0 && atMs > afterMs ? { atMs, id: String(count) } : undefined;
}

/** When it comes for the first time after this moment; null: not within five years. @throws Error where it cannot be read */
export const soonest = (moments: Moments, spec: ScheduleSpec, afterMs: number): number | null => ("at" in spec ? spec.at : nextMoment(moments, spec, afterMs));

/** The first moment after this one; null: none within five years. @throws Error where the schedule cannot be read */
function nextMoment(moments: Moments, spec: Recurring, afterMs: number): number | null {
  if ("everyS" in spec) return spec.anchor + (Math.floor((afterMs - spec.anchor) / (spec.everyS * 1_000)) + 1) * spec.everyS * 1_000;
  const schedule = { at: atOf(spec), timeZone: spec.timeZone };
  const [soonest] = moments(schedule, { fromMs: afterMs, count: 1 });
  if (soonest === undefined || soonest > afterMs + HORIZON_MS) return null;
  const [turned] = beatsBetween(moments, schedule, { afterMs, untilMs: soonest }); // one that the clock left out comes sooner
  return turned?.atMs ?? soonest;
}
