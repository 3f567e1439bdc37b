import assert from "node:assert/strict";
import { test } from "node:test";
import { moments } from "#src/database/moments.ts";
import { progressed, type ScheduleSpec, signalOf } from "./schedule.ts";

const ms = (text: string): number => Date.parse(`${text}Z`);
const HOUR_MS = 3_600_000;

/** What the schedule named at each of these looks, one after the other. */
function seen(spec: ScheduleSpec, { setAt, looks, missed = "once" }: { setAt: number; looks: readonly number[]; missed?: "once" | "skip" }): (string | null)[] {
  let progress: { period: string | null; reachedMs: number } = { period: null, reachedMs: setAt };
  return looks.map((nowMs) => (progress = progressed(moments, progress, { spec, missed, nowMs })).period);
}

/** A look every so many minutes. */
const each = (from: number, until: number, minutes = 1): number[] =>
  Array.from({ length: Math.floor((until - from) / (minutes * 60_000)) + 1 }, (_, at) => from + at * minutes * 60_000);

const changes = (periods: readonly (string | null)[]): (string | null)[] => periods.filter((period, at) => period !== null && period !== periods[at - 1]);

test("F25: a clock that goes an hour ahead and back fires nothing twice and loses nothing", () => {
  const start = ms("2026-06-01T00:00");
  const wandering = [
    ...each(start, start + 30 * 60_000),
    ...each(start + 31 * 60_000 + HOUR_MS, start + 40 * 60_000 + HOUR_MS), // an hour ahead
    ...each(start + 41 * 60_000, start + 5 * HOUR_MS), // and back
  ];
  const behind = [...each(start, start + 2 * HOUR_MS), ...each(start + HOUR_MS, start + 5 * HOUR_MS)];
  const steady = each(start, start + 5 * HOUR_MS);
  for (const spec of [
    { cron: "0 * * * *", timeZone: "UTC" },
    { everyS: 3_600, anchor: start },
    { rrule: "FREQ=HOURLY;BYMINUTE=0;BYSECOND=0", timeZone: "UTC" },
  ] satisfies ScheduleSpec[]) {
    const wanted = changes(seen(spec, { setAt: start, looks: steady }));
    assert.equal(wanted.length, 5);
    assert.deepEqual(changes(seen(spec, { setAt: start, looks: wandering })), wanted, JSON.stringify(spec));
    assert.deepEqual(changes(seen(spec, { setAt: start, looks: behind })), wanted, JSON.stringify(spec));
  }
});

test("F25: what comes once stays due when the clock is set back", () => {
  const at = ms("2026-06-01T12:00");
  assert.deepEqual(seen({ at }, { setAt: at - HOUR_MS, looks: [at - 1, at, at - HOUR_MS, at + HOUR_MS] }), [null, "due", "due", "due"]);
});

test("F26: an hour that the clock leaves out or shows twice comes once, and 29 February in leap years", () => {
  const daily = { cron: "30 2 * * *", timeZone: "America/New_York" };
  const spring = changes(seen(daily, { setAt: ms("2026-03-07T12:00"), looks: each(ms("2026-03-07T12:00"), ms("2026-03-09T12:00"), 15) }));
  assert.deepEqual(spring, ["2026-03-08T02:30[America/New_York]", "2026-03-09T02:30[America/New_York]"]);
  const autumn = { cron: "30 1 * * *", timeZone: "America/New_York" };
  assert.deepEqual(changes(seen(autumn, { setAt: ms("2026-10-31T12:00"), looks: each(ms("2026-10-31T12:00"), ms("2026-11-02T12:00"), 15) })), [
    "2026-11-01T01:30[America/New_York]",
    "2026-11-02T01:30[America/New_York]",
  ]);
  const leap = { cron: "0 9 29 2 *", timeZone: "UTC" };
  assert.deepEqual(changes(seen(leap, { setAt: ms("2026-01-01T00:00"), looks: [ms("2026-03-01T00:00"), ms("2027-03-01T00:00"), ms("2028-03-01T00:00")] })), [
    "2028-02-29T09:00[UTC]",
  ]);
});

test("many that were missed are one, and none where they are to be skipped", () => {
  const spec = { cron: "*/10 * * * *", timeZone: "UTC" };
  const setAt = ms("2026-06-01T00:00");
  const looks = [setAt + 5 * HOUR_MS + 5 * 60_000, setAt + 5 * HOUR_MS + 10 * 60_000];
  assert.deepEqual(seen(spec, { setAt, looks }), ["2026-06-01T05:00Z", "2026-06-01T05:10Z"]);
  assert.deepEqual(seen(spec, { setAt, looks, missed: "skip" }), [null, "2026-06-01T05:10Z"]);
});

test("the signal of a schedule says pending, due, which period, or that it cannot be read", () => {
  const signal = (spec: ScheduleSpec | object, period: string | null, nowMs = 0) => signalOf({ spec: spec as never, period }, nowMs);
  assert.equal(signal({ at: 5 }, null, 4), "pending");
  assert.equal(signal({ at: 5 }, null, 5), "due");
  assert.equal(signal({ at: 5 }, "due", 4), "due");
  assert.deepEqual(signal({ everyS: 60, anchor: 0 }, null), { period: 0 });
  assert.deepEqual(signal({ everyS: 60, anchor: 0 }, "3"), { period: 3 });
  assert.equal(signal({ cron: "0 9 * * *", timeZone: "UTC" }, null), "pending");
  assert.deepEqual(signal({ cron: "0 9 * * *", timeZone: "UTC" }, "2026-06-01T09:00[UTC]"), { period: "2026-06-01T09:00[UTC]" });
  assert.equal(signal({ every: 3 }, null), "invalid");
});
